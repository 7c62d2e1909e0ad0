using System.CommandLine;
using Serverless.Cli.Submit;
using Serverless.Cli.Terminal;
using Serverless.Core.Triggers;
using Spectre.Console;

namespace Serverless.Cli;

static class TriggerCommand
{
    private const int FiringsShown = 10;

    public static Verb Create(World world) =>
        new Verb("trigger", "Manage triggers: submit an experiment when a run ends, a file changes, a dataset is published, or on a schedule")
    {
        Examples = ["exp trigger add cnn-after-mlp.yaml", "exp trigger test cnn-after-mlp", "exp trigger show cnn-after-mlp"],
    }.With(Add(world), List(world), Show(world), Remove(world), Pause(world, paused: true), Pause(world, paused: false), Test(world), Replay(world));

    private static Verb Add(World world)
    {
        var file = new Argument<string>("FILE") { Description = "Trigger in YAML or JSON; the path of its code is relative to the file" };
        return new Verb("add", "Create or change a trigger; it acts on what happens from then on").With(file).Does(world, async (session, cancel) =>
        {
            var trigger = await session.Api.PutTrigger(await TriggerSource.Load(session.Api, session.Get(file), cancel), cancel);
            if (session.Output.Json) Output.WriteJson(trigger);
            else
            {
                session.Output.Line($"[bold]{trigger.Name}[/]: {trigger.When.ToString()} → {trigger.Definition.Submits}");
                session.Output.Remark($"[dim]To see what it would have done so far: exp trigger test {trigger.Name}[/]");
            }
        });
    }

    private static Verb List(World world) => new Verb("list", "List triggers").Does(world, async (session, cancel) =>
    {
        var list = await session.Api.GetTriggers(cancel);
        if (session.Output.Json) Output.WriteJson(list);
        else session.Output.Write(
            new Listing(Column.Text("NAME"), Column.Text("WHEN", 1, narrowest: 16), Column.Text("THEN", 2), Column.Number("LAST HOUR", 3),
                Column.Text("BY", 4))
            .AddAll(list.Triggers.Select(trigger => new Cell[]
            {
                new(trigger.Name, "bold"), trigger.When, trigger.Then,
                trigger.Paused ? new("paused", "yellow") : new Cell($"{trigger.LastHour}", "dim"),
                new(trigger.By ?? "", "dim"),
            })));
        if (!session.Output.Json) DoctorCommand.Remark(session.Output, list.Damaged);
    });

    private static Verb Show(World world)
    {
        var name = Name();
        var yaml = new Option<bool>("--yaml") { Description = "Print only the definition, as exp trigger add takes it" };
        return new Verb("show", "Show a trigger and its recent events")
        {
            Examples = ["exp trigger show nightly --yaml > nightly.yaml"],
        }.With(name, yaml).Does(world, async (session, cancel) =>
        {
            var output = session.Output;
            var trigger = await session.Api.GetTrigger(session.Get(name), cancel);
            if (!output.Json) StandardOutput.Write(TriggerYaml.Write(trigger.Definition));
            if (session.Get(yaml) && !output.Json) return;
            var firings = (await session.Api.GetFirings(trigger.Name, FiringsShown, cancel)).Firings;
            if (output.Json)
            {
                Output.WriteJson(new ShownTrigger(trigger, firings));
                return;
            }

            output.Out.WriteLine();
            var paused = trigger.Paused is { } pause ? $"; paused by {pause.By ?? "?"} {Format.Ago(pause.At, output.Now)}" : "";
            output.Line($"[dim]stored by {trigger.By ?? "?"}, acts on what happened since {Format.Time(trigger.Since)}{paused}[/]");
            output.Write(Firings(output, firings));
        });
    }

    private static Verb Remove(World world)
    {
        var name = Name();
        return new Verb("remove", "Delete a trigger; its history stays").With(name).Does(world, async (session, cancel) =>
        {
            await session.Api.DeleteTrigger(session.Get(name), cancel);
            if (!session.Output.Json) session.Output.Line($"Removed {session.Get(name)}");
        });
    }

    private static Verb Pause(World world, bool paused)
    {
        var name = Name();
        var what = paused ? "Pause a trigger" : "Resume a trigger; it acts on what happens from now on";
        return new Verb(paused ? "pause" : "resume", what).With(name).Does(world, async (session, cancel) =>
        {
            var trigger = await session.Api.PauseTrigger(session.Get(name), paused, cancel);
            if (session.Output.Json) Output.WriteJson(trigger);
            else session.Output.Line($"{trigger.Name} {(paused ? "is paused" : "acts again")}");
        });
    }

    private static Verb Test(World world)
    {
        var name = new Argument<string>("NAME|FILE") { Description = "A stored trigger, or a file with one" };
        return new Verb("test", "Show what a trigger would have done with past events, without doing it")
        {
            Examples = ["exp trigger test nightly", "exp trigger test ./nightly.yaml"],
        }.With(name).Does(world, async (session, cancel) =>
        {
            var given = session.Get(name);
            var definition = given.Contains('.', StringComparison.Ordinal) && File.Exists(given)
                ? await TriggerSource.Load(session.Api, given, cancel)
                : null;
            var trial = await session.Api.TestTrigger(definition?.Name ?? given, definition, cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(trial);
                return;
            }

            if (trial.Events.Count == 0) session.Output.Remark($"Nothing that it waits for has happened yet");
            session.Output.Write(Tried(trial.Events, session.Output.Now));
        });
    }

    private static Listing Tried(IEnumerable<TriedEvent> events, DateTimeOffset now)
    {
        return new Listing(
            Column.Word(""), Column.Word("ID"), Column.Text("EVENT", 2), Column.Text("WOULD", 1, narrowest: 16), Column.Word("DID", 3),
            Column.Number("AT", 4))
        .AddAll(events.Select(tried => new Cell[]
        {
            tried.Fires ? new("✓", "green") : new("·", "dim"), new(Short(tried.Firing), "dim"), tried.Event,
            tried.Fires ? $"submit {Of(tried)}" : new Cell(tried.Why ?? "", "dim"), tried.Did is { } did ? Outcome(did) : "",
            new(When(tried.At, now), "dim"),
        }));

        static string Of(TriedEvent tried)
        {
            var experiment = tried.Experiment!.Value;
            var parameters = experiment.TryGetProperty("params", out var all)
                ? Format.Params(all.EnumerateObject().Select(one => KeyValuePair.Create(one.Name, one.Value)))
                : "";
            return $"{experiment.GetProperty("name").GetString()} {parameters}".TrimEnd();
        }
    }

    private static Verb Replay(World world)
    {
        var name = Name();
        var firing = new Argument<string?>("ID")
        {
            Description = "One event, by the id that exp trigger show or test shows; also one that did not fire", Arity = ArgumentArity.ZeroOrOne,
        };
        var stopped = new Option<bool>("--stopped") { Description = "Also replay what the rate limit stopped" };
        var failed = new Option<bool>("--failed") { Description = "Replay what failed (the default)" };
        return new Verb("replay", "Replay events that failed, with the trigger as it is now")
        {
            Examples = ["exp trigger replay nightly", "exp trigger replay nightly 3f2a91"],
        }.With(name, firing, failed, stopped).Does(world, async (session, cancel) =>
        {
            var replayed = await session.Api.ReplayTrigger(session.Get(name), session.GetOptional(firing), session.Get(stopped), cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(replayed);
                return ExitCode.Success;
            }

            if (replayed.Firings.Count == 0) session.Output.Remark($"Nothing failed");
            session.Output.Write(Firings(session.Output, replayed.Firings));
            if (replayed.Problem is { } problem) session.Output.Remark($"[red]{problem}[/]");
            return replayed.Problem is null && replayed.Firings.All(one => one.Outcome == FiringOutcome.Submitted)
                ? ExitCode.Success
                : ExitCode.RunFailed;
        });
    }

    private static Argument<string> Name() => new("NAME") { Description = "The trigger, as exp trigger list shows it" };

    private static Listing Firings(Output output, IReadOnlyList<FiringSummary> firings) =>
        new Listing(
            Column.Word("ID"), Column.Text("EVENT", 3), Column.Word("OUTCOME"), Column.Text("RUNS", 2, narrowest: 6),
            Column.Text("WHY", 1, narrowest: 16), Column.Number("AT", 4))
        .AddAll(firings.Select(firing => new Cell[]
        {
            new(Short(firing.Id), "bold"), firing.Event, Outcome(firing.Outcome), new(Runs(firing), "blue"),
            firing.Said ?? "", new(Format.Ago(firing.At, output.Now), "dim"),
        }));

    private static string When(DateTimeOffset at, DateTimeOffset now) => at > now ? $"in {Format.Duration(at - now)}" : Format.Ago(at, now);

    private static string Runs(FiringSummary firing) =>
        string.Join(' ', firing.Runs.Select(run => Format.ShortId(run.Id) + (run.Reused ? " (reused)" : "")));

    private static Cell Outcome(FiringOutcome outcome) => outcome switch
    {
        FiringOutcome.Pending => new("pending", "yellow"),
        FiringOutcome.Submitted => new("submitted", "green"),
        FiringOutcome.Stopped => new("stopped", "magenta"),
        FiringOutcome.Failed => new("failed", "red"),
    };

    private static string Short(string firing) => firing[..12];
}

/// <summary>What <c>exp trigger show --json</c> prints.</summary>
sealed record ShownTrigger(TriggerRecord Trigger, IReadOnlyList<FiringSummary> Firings);
