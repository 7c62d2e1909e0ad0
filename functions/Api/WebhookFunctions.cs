using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Notifications;
using Serverless.Core.Storage;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class WebhookFunctions(Gate gate, Notifier notifier, WebhookOptions options, TimeProvider time)
{
    private const int MostUndelivered = 1000;

    [Function("WebhookList")]
    [Operation("Where notices of what happens in the workspace are sent", Answer = typeof(WebhookList))]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "webhooks")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var (webhooks, damaged) = await notifier.Webhooks.List(caller.Key.Workspace, caller.Cancel);
        return Answer.Json(new WebhookList([.. webhooks.Select(webhook => Info(webhook, caller))], DamagedRecord.Listed(damaged)));
    });

    [Function("WebhookShow")]
    [Operation("One webhook, without its secret", Answer = typeof(WebhookInfo), Errors = [404])]
    public Task<IActionResult> Show([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "webhooks/{name}")] HttpRequest request, string name) =>
        gate.Reader(request, caller => Known(caller, name, webhook => Task.FromResult(Answer.Json(Info(webhook, caller)))));

    [Function("WebhookPut")]
    [Operation("Send notices to an address; the answer that creates the webhook has the secret that signs them, and no other answer does",
        Role = Role.Admin, Status = 201, Also = [200], Answer = typeof(WebhookInfo), Body = typeof(WebhookSpec), Errors = [413])]
    public Task<IActionResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "webhooks/{name}")] HttpRequest request, string name) =>
        gate.Admin(request, async caller =>
    {
        var spec = await request.Json<WebhookSpec>();
        if (WebhookRules.Problems(name, spec, options.AllowPrivate) is { Count: > 0 } problems) return Answer.Invalid("Invalid webhook", problems);
        var created = new Webhook(
            name, spec.Url!, spec.Events ?? ["*"], spec.Project, spec.Experiment, spec.Format ?? WebhookRules.FormatOf(new(spec.Url!)),
            WebhookSignature.NewSecret(), caller.Key.Name, time.GetUtcNow());
        var isNew = false;
        var stored = await notifier.Webhooks.Change(caller.Key.Workspace, name, there =>
        {
            isNew = there is null;
            return there is null ? created : there with
            {
                Url = created.Url,
                Events = created.Events,
                Project = created.Project,
                Experiment = created.Experiment,
                Format = created.Format,
            };
        }, caller.Cancel);
        return Answer.Json(
            Info(stored!, caller) with { Secret = isNew ? stored!.Secret : null }, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    });

    [Function("WebhookDelete")]
    [Operation("Send nothing there any more; what it did not take is forgotten", Role = Role.Admin, Status = 204, Errors = [404])]
    public Task<IActionResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "webhooks/{name}")] HttpRequest request,
        string name) => gate.Admin(request, async caller =>
        WebhookRules.NameProblem(name) is null && await notifier.Webhooks.Remove(caller.Key.Workspace, name, caller.Cancel)
            ? Answer.NoContent
            : None(name));

    [Function("WebhookPause")]
    [Operation("Send nothing until it is resumed; notices of that time are kept as undelivered only if they were on their way", Role = Role.Admin,
        Answer = typeof(WebhookInfo), Errors = [404])]
    public Task<IActionResult> Pause(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "webhooks/{name}/pause")] HttpRequest request, string name) =>
        gate.Admin(request, caller => SetPaused(caller, name, $"by {caller.Key.Name}"));

    [Function("WebhookResume")]
    [Operation("Send notices again", Role = Role.Admin, Answer = typeof(WebhookInfo), Errors = [404])]
    public Task<IActionResult> Resume(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "webhooks/{name}/resume")] HttpRequest request, string name) =>
        gate.Admin(request, caller => SetPaused(caller, name, null));

    [Function("WebhookTest")]
    [Operation("Send a notice about nothing, now and once, and say what the receiver answered", Role = Role.Admin, Answer = typeof(WebhookTest),
        Errors = [404])]
    public Task<IActionResult> Test(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "webhooks/{name}/test")] HttpRequest request, string name) =>
        gate.Admin(request, caller => Known(caller, name, async webhook =>
        {
            var answer = await notifier.Test(caller.Key.Workspace, webhook, caller.Cancel);
            return Answer.Json(new WebhookTest((int?)answer.Status, answer.Took.TotalMilliseconds, answer.Problem));
        }));

    [Function("WebhookUndelivered")]
    [Operation("Notices that the webhook did not take within a day, oldest first", Answer = typeof(UndeliveredList), Errors = [404])]
    public Task<IActionResult> ListUndelivered(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "webhooks/{name}/undelivered")] HttpRequest request, string name) =>
        gate.Reader(request, caller => Known(caller, name, async webhook =>
        {
            var (notices, damaged) = await notifier.Webhooks.Undelivered(caller.Key.Workspace, webhook.Name, MostUndelivered, caller.Cancel);
            return Answer.Json(new UndeliveredList(notices, DamagedRecord.Listed(damaged)));
        }));

    [Function("WebhookRedeliver")]
    [Operation("Send an undelivered notice again", Role = Role.Admin, Status = 204, Errors = [404])]
    public Task<IActionResult> Redeliver([HttpTrigger(
        AuthorizationLevel.Anonymous, "post", Route = "webhooks/{name}/undelivered/{id}/redeliver")] HttpRequest request, string name, string id) =>
        gate.Admin(request, caller => Known(caller, name, async webhook =>
            id.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') && await notifier.Redeliver(caller.Key.Workspace, webhook.Name, id, caller.Cancel)
                ? Answer.NoContent
                : Answer.NotFound($"{name} has no undelivered notice {id}")));

    private async Task<IActionResult> SetPaused(Caller caller, string name, string? reason)
    {
        if (WebhookRules.NameProblem(name) is not null) return None(name);
        var stored = await notifier.Webhooks.Change(
            caller.Key.Workspace, name, there => there is null ? null : there with { Paused = reason }, caller.Cancel);
        return stored is null ? None(name) : Answer.Json(Info(stored, caller));
    }

    private async Task<IActionResult> Known(Caller caller, string name, Func<Webhook, Task<IActionResult>> act) =>
        WebhookRules.NameProblem(name) is null && await notifier.Webhooks.Find(caller.Key.Workspace, name, caller.Cancel) is { } webhook
            ? await act(webhook)
            : None(name);

    private static IActionResult None(string name) => Answer.NotFound($"there is no webhook '{name}'");

    private static WebhookInfo Info(Webhook webhook, Caller caller)
    {
        var url = new Uri(webhook.Url);
        return new(
            webhook.Name, caller.Key.Role == Role.Admin ? webhook.Url : $"{url.GetLeftPart(UriPartial.Authority)}/…", webhook.Events, webhook.Project,
            webhook.Experiment, webhook.Format, webhook.By,
            webhook.Created, webhook.Paused);
    }
}
