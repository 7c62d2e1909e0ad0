using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Reports;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>Stored rules that submit follow-on experiments.</summary>
public sealed class TriggerFunctions(Gate gate)
{
    private const string One = "triggers/{name}";
    private const string YamlType = "application/yaml";

    [Function("TriggerList")]
    [Operation("Triggers, by name", Answer = typeof(TriggerList))]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "triggers")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var all = new List<TriggerSummary>();
        var (triggers, damaged) = await caller.Workspace.Triggers.Stored.List(caller.Cancel);
        foreach (var trigger in triggers)
        {
            var lately = await caller.Workspace.Triggers.LastHour(trigger, caller.Cancel);
            all.Add(new(
                trigger.Name, trigger.When.ToString(), trigger.Definition.Submits, trigger.Paused is not null, trigger.By, trigger.Since, lately));
        }

        return Answer.Json(new TriggerList(all, DamagedRecord.Listed(damaged)));
    });

    [Function("TriggerGet")]
    [Operation("A trigger; by the Accept header application/yaml its definition alone, as it can be put again", Answer = typeof(TriggerRecord),
        AnswerTypes = ["application/json", YamlType], Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = One)] HttpRequest request, string name) =>
        gate.Reader(request, async caller =>
    {
        var trigger = await Find(caller, name);
        return request.GetTypedHeaders().Accept.Any(type => type.MediaType.Value is YamlType or "text/yaml")
            ? Yaml(trigger.Definition)
            : Answer.Json(trigger);
    });

    [Function("TriggerPut")]
    [Operation("Store a trigger; everything that it refers to is checked", Role = Role.Writer, Status = 200, Also = [201],
        Answer = typeof(TriggerRecord), Body = typeof(TriggerDefinition),
        BodyTypes = ["application/json", YamlType, "text/yaml", "application/x-yaml"], Errors = [413, 415])]
    public Task<IActionResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = One)] HttpRequest request, string name) =>
        gate.Writer(request, async caller =>
    {
        var (definition, invalid) = await Read(request, caller, name);
        if (definition is null) return invalid!;
        var (trigger, isNew) = await caller.Workspace.Triggers.Stored.Put(definition, caller.Key.Name, caller.Cancel);
        return Answer.Json(trigger, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    });

    [Function("TriggerDelete")]
    [Operation("Delete a trigger; the record of what it did stays", Role = Role.Writer, Status = 204, Errors = [404])]
    public Task<IActionResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = One)] HttpRequest request, string name) =>
        gate.Writer(
            request, async caller => await caller.Workspace.Triggers.Stored.Remove(name, caller.Cancel) ? Answer.NoContent : throw Missing(name));

    [Function("TriggerPause")]
    [Operation("Let a trigger act on nothing", Role = Role.Writer, Answer = typeof(TriggerRecord), Errors = [404])]
    public Task<IActionResult> Pause([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = One + "/pause")] HttpRequest request, string name) =>
        Pause(request, name, paused: true);

    [Function("TriggerResume")]
    [Operation("Let a paused trigger act on what happens from now on", Role = Role.Writer, Answer = typeof(TriggerRecord), Errors = [404])]
    public Task<IActionResult> Resume([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = One + "/resume")] HttpRequest request,
        string name) => Pause(request, name, paused: false);

    [Function("TriggerTest")]
    [Operation("What a trigger would have done about past events, without doing it; with a body, a trigger that need not be stored",
        Answer = typeof(TriggerTrial), Errors = [404, 413, 415])]
    public Task<IActionResult> Test([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = One + "/test")] HttpRequest request, string name) =>
        gate.Reader(request, async caller =>
    {
        var trigger = await caller.Workspace.Triggers.Stored.Get(name, caller.Cancel);
        if (request.ContentLength is > 0 || request.Headers.TransferEncoding.Count > 0)
        {
            var (definition, invalid) = await Read(request, caller, name);
            if (definition is null) return invalid!;
            trigger = trigger is null ? new("", definition, null, default, default) : trigger with { Definition = definition };
        }

        return Answer.Json(await caller.Workspace.Triggers.Trials.Try(trigger ?? throw Missing(name), caller.Cancel));
    });

    [Function("TriggerReplay")]
    [Operation("Do again what failed, with the trigger as it is now", Role = Role.Writer, Answer = typeof(Replayed),
        Query = [nameof(QueryParameters.Event), nameof(QueryParameters.Stopped)], Errors = [404, 409])]
    public Task<IActionResult> Replay([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = One + "/replay")] HttpRequest request,
        string name) => gate.Writer(request, async caller =>
    {
        var (done, problem) = await caller.Workspace.Triggers.Replay(
            await Find(caller, name), QueryParameters.Event.Of(request), QueryParameters.Stopped.Of(request), caller.Cancel);
        return problem is not null && done.Count == 0
            ? Answer.Problem(StatusCodes.Status409Conflict, problem)
            : Answer.Json(new Replayed([.. done.Select(FiringSummary.Of)], problem));
    });

    [Function("TriggerFirings")]
    [Operation("What a trigger did, newest first", Answer = typeof(FiringList),
        Query = [nameof(QueryParameters.FiringLimit), nameof(QueryParameters.Outcome)], Errors = [404])]
    public Task<IActionResult> Firings([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = One + "/firings")] HttpRequest request,
        string name) => gate.Reader(request, async caller =>
    {
        var outcomes = QueryParameters.Outcome.Of(request);
        var limit = QueryParameters.FiringLimit.Of(request);
        var (all, damaged) = SpecRules.NameProblem(name) is null ? await caller.Workspace.Triggers.Acts(name, caller.Cancel) : new([], []);
        if (all.Count + damaged.Count == 0) await Find(caller, name);
        return Answer.Json(
            new FiringList(
                [.. all.Where(firing => outcomes.Count == 0 || outcomes.Contains(firing.Outcome)).Take(limit)], DamagedRecord.Listed(damaged)));
    });

    [Function("TriggerFiring")]
    [Operation("Everything about one thing that a trigger did", Answer = typeof(Firing), Errors = [404])]
    public Task<IActionResult> GetFiring([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = One + "/firings/{id}")] HttpRequest request,
        string name, string id) => gate.Reader(request, async caller =>
        SpecRules.NameProblem(name) is null && id.All(char.IsAsciiLetterOrDigit)
            && await caller.Workspace.Triggers.Firing(name, id, caller.Cancel) is { } firing
            ? Answer.Json(firing)
            : Answer.NotFound($"trigger {name} did nothing of the id {id}"));

    private Task<IActionResult> Pause(HttpRequest request, string name, bool paused) => gate.Writer(request, async caller =>
        await caller.Workspace.Triggers.Stored.Pause(name, paused, caller.Key.Name, caller.Cancel) is { } trigger
            ? Answer.Json(trigger)
            : throw Missing(name));

    private static async Task<TriggerRecord> Find(Caller caller, string name) =>
        await caller.Workspace.Triggers.Stored.Get(name, caller.Cancel) ?? throw Missing(name);

    private static async Task<(TriggerDefinition? Definition, IActionResult? Invalid)> Read(HttpRequest request, Caller caller, string name)
    {
        var format = Submissions.FormatOf(request.ContentType);
        var reading = TriggerReader.Read((await request.Text()).Text, format, name);
        var problems = reading.Definition is { } definition
            ? await caller.Workspace.Triggers.Checks.Problems(definition, caller.Cancel)
            : reading.Problems;
        return problems.Count == 0 ? (reading.Definition, null) : (null, Answer.Invalid("Invalid trigger", problems));
    }

    private static IActionResult Yaml(TriggerDefinition definition) => Answer.Stream(async context =>
    {
        context.Response.ContentType = YamlType + "; charset=utf-8";
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(TriggerYaml.Write(definition)), context.RequestAborted);
    });

    private static RequestException Missing(string name) => new(StatusCodes.Status404NotFound, $"there is no trigger {name}");
}
