using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Core;
using Serverless.Core.Notifications;

namespace Serverless.Cli;

static class WebhookCommand
{
    public static Verb Create(World world) => new Verb("webhook", "Manage webhooks: notify chat tools and other programs").With(
        Add(world), List(world), Show(world), Test(world), Pause(world), Resume(world), Undelivered(world), Redeliver(world), Remove(world));

    private static Verb Add(World world)
    {
        var name = new Argument<string>("NAME") { Description = "Name of the webhook; an existing one is changed" };
        var url = new Option<string>("--url", "-u") { Description = "Address to send to", HelpName = "URL", Required = true };
        var events = new Option<string[]>("--event", "-e")
        {
            Description = $"Events: {string.Join(", ", WebhookEvents.All)}, or a pattern such as 'run.*' [all]", HelpName = "EVENT",
        };
        var project = new Option<string>("--project", "-p") { Description = "Notify about this project only", HelpName = "NAME" };
        var experiment = new Option<string>("--experiment", "-x") { Description = "Notify about this experiment only", HelpName = "NAME" };
        var format = new Option<WebhookFormat?>("--format")
        {
            Description = "Format: json, slack, discord or teams [by the address]", HelpName = "FORMAT",
            CustomParser = EnumArgument.Parse<WebhookFormat>,
        };
        return new Verb("add", "Create or change a webhook; prints its signing secret once (admins only)")
        {
            Examples = ["exp webhook add team --url https://hooks.slack.com/services/T0/B0/x --event run.failed",
                "exp webhook add ci --url https://ci.example.com/hook --project pruning"],
        }.With(name, url, events, project, experiment, format).Does(world, async (session, cancel) =>
        {
            var given = session.Get(events);
            var spec = new WebhookSpec(session.Get(url), given is { Length: > 0 } ? given : null, session.Get(project), session.Get(experiment),
                session.Get(format));
            var webhook = await session.Api.PutWebhook(session.Get(name)!, spec, cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(webhook);
                return;
            }

            session.Output.Remark(
                $"[bold]{webhook.Name}[/] is told {What(webhook)} as {CoreJson.Name(webhook.Format)}; try it with: exp webhook test {webhook.Name}");
            if (webhook.Secret is not { } secret) return;
            session.Output.Remark($"Requests are signed with this secret (Standard Webhooks); it cannot be shown again");
            StandardOutput.WriteLine(secret);
        });
    }

    private static Verb List(World world) => new Verb("list", "List webhooks").Does(world, async (session, cancel) =>
    {
        var list = await session.Api.GetWebhooks(cancel);
        if (session.Output.Json) Output.WriteJson(list);
        else session.Output.Write(Table(list.Webhooks, session.Output.Now));
        if (!session.Output.Json) DoctorCommand.Remark(session.Output, list.Damaged);
    });

    private static Listing Table(IEnumerable<WebhookInfo> webhooks, DateTimeOffset now) =>
        new Listing(
            Column.Text("NAME"), Column.Text("URL", 1, narrowest: 20), Column.Text("EVENTS", 3), Column.Word("FORMAT", 4), Column.Word("STATE", 2),
            Column.Number("CREATED", 5))
        .AddAll(webhooks.Select(webhook => new Cell[]
        {
            new(webhook.Name, "bold"), webhook.Url, What(webhook), CoreJson.Name(webhook.Format),
            webhook.Paused is null ? "" : new Cell("paused", "yellow"),
            new(Format.Ago(webhook.Created, now), "dim"),
        }));

    private static Verb Show(World world) => One(world, "show", "Show a webhook", async (session, name, cancel) =>
    {
        var webhook = await session.Api.GetWebhook(name, cancel);
        if (session.Output.Json)
        {
            Output.WriteJson(webhook);
            return ExitCode.Success;
        }

        session.Output.Write(Listing.Facts()
            .Add(new Cell("name", "dim"), webhook.Name).Add(new Cell("url", "dim"), webhook.Url).Add(new Cell("events", "dim"), What(webhook))
            .Add(new Cell("format", "dim"), CoreJson.Name(webhook.Format)).Add(new Cell("paused", "dim"), webhook.Paused ?? "-")
            .Add(new Cell("created", "dim"), $"{Format.Time(webhook.Created)} by {webhook.By}"));
        return ExitCode.Success;
    });

    private static Verb Test(World world) =>
        One(world, "test", "Send a test notice, and show what the receiver answered (admins only)", async (session, name, cancel) =>
    {
        var answer = await session.Api.TestWebhook(name, cancel);
        if (session.Output.Json) Output.WriteJson(answer);
        else if (answer.Problem is null) session.Output.Line($"{name} took it: {answer.Status} after {answer.Milliseconds:0} ms");
        else session.Output.Line($"[red]{name} did not take it[/] after {answer.Milliseconds:0} ms: {answer.Problem}");
        return answer.Problem is null ? ExitCode.Success : ExitCode.RunFailed;
    });

    private static Verb Pause(World world) => One(world, "pause", "Pause a webhook (admins only)", async (session, name, cancel) =>
        Said(session, await session.Api.PauseWebhook(name, cancel), $"{name} is paused"));

    private static Verb Resume(World world) => One(world, "resume", "Resume a webhook (admins only)", async (session, name, cancel) =>
        Said(session, await session.Api.ResumeWebhook(name, cancel), $"{name} is resumed"));

    private static Verb Remove(World world) =>
        One(world, "remove", "Delete a webhook with its undelivered notices (admins only)", async (session, name, cancel) =>
    {
        await session.Api.RemoveWebhook(name, cancel);
        if (!session.Output.Json) session.Output.Line($"Deleted {name}");
        return ExitCode.Success;
    });

    private static Verb Undelivered(World world) =>
        One(world, "undelivered", "List notices that could not be delivered within a day", async (session, name, cancel) =>
    {
        var list = await session.Api.GetUndelivered(name, cancel);
        if (session.Output.Json) Output.WriteJson(list);
        else session.Output.Write(new Listing(Column.Word("ID"), Column.Text("NOTICE", 2), Column.Text("REASON", 1), Column.Number("SINCE", 3))
            .AddAll(list.Notices.Select(notice => new Cell[]
            {
                new(notice.Id, "bold"), notice.Notice.Text, notice.Reason, new(Format.Ago(notice.At, session.Output.Now), "dim"),
            })));
        if (!session.Output.Json) DoctorCommand.Remark(session.Output, list.Damaged);
        return ExitCode.Success;
    });

    private static Verb Redeliver(World world)
    {
        var name = Name();
        var id = new Argument<string?>("ID")
        {
            Description = "One notice, as exp webhook undelivered shows it [all]", Arity = ArgumentArity.ZeroOrOne,
        };
        return new Verb("redeliver", "Send undelivered notices again (admins only)").With(name, id).Does(world, async (session, cancel) =>
        {
            var webhook = session.Get(name)!;
            List<string> wanted = session.GetOptional(id) is { } one
                ? [one]
                : [.. (await session.Api.GetUndelivered(webhook, cancel)).Notices.Select(notice => notice.Id)];
            foreach (var each in wanted) await session.Api.Redeliver(webhook, each, cancel);
            if (session.Output.Json) Output.WriteJson(wanted);
            else session.Output.Line($"Sending {wanted.Count} {(wanted.Count == 1 ? "notice" : "notices")} to {webhook} again");
        });
    }

    private static Verb One(World world, string verb, string description, Func<Session, string, CancellationToken, Task<ExitCode>> act)
    {
        var name = Name();
        return new Verb(verb, description).With(name).Does(world, (session, cancel) => act(session, session.Get(name)!, cancel));
    }

    private static ExitCode Said(Session session, WebhookInfo webhook, FormattableString line)
    {
        if (session.Output.Json) Output.WriteJson(webhook);
        else session.Output.Line(line);
        return ExitCode.Success;
    }

    private static Argument<string> Name() => new("NAME") { Description = "The webhook, as exp webhook list shows it" };

    private static string What(WebhookInfo webhook) =>
        (webhook.Events is ["*"] ? "everything" : string.Join(", ", webhook.Events))
        + (webhook is { Project: null, Experiment: null } ? "" : $" of {webhook.Project ?? "*"}/{webhook.Experiment ?? "*"}");
}
