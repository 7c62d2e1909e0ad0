using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;
using Serverless.Contract;
using Serverless.Core.Runs;
using Spectre.Console;

namespace Serverless.Cli;

static class ShowCommand
{
    /// <summary>The largest value is among those that are kept, however few.</summary>
    private const int PointsToPeak = 4;

    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        return new Verb("show", "Show a run: result, parameters, metrics, attempts and history")
        {
            Examples = ["exp show last", "exp show 7XK2QA --json"],
        }.With(name).Does(world, async (session, cancel) =>
        {
            Output.WarmUp();
            var id = await session.FindRun(name, cancel);
            var asked = session.Api.GetRun(id, cancel);
            if (session.Output.Json) Output.WriteJson(await asked);
            else
            {
                // The machine's alone: of its own points a run may have millions.
                var measured = session.Api.GetMetrics(id, [], PointsToPeak, MetricSource.Machine, cancel);
                await Task.WhenAll(asked, measured);
                Show(session.Output, await asked, await measured);
            }
        });
    }

    private static void Show(Output output, RunRecord run, RunMetrics measured)
    {
        var state = $"{Format.Sign(run.State)} {Format.State(run.State)}";
        var cause = run.Cause is { } why && run.State != RunState.Succeeded ? $" ({Format.Cause(why)})" : "";
        output.Line($"[{Format.Colour(run.State)} bold]{state}{cause}[/]  [bold]{run.Experiment}[/] v{run.Version}  {run.Id}");
        if (run.Message is { } message && run.State != RunState.Succeeded)
        {
            output.Write(new Text($"{message.TrimEnd()}\n", new(Format.Colour(run.State) == "red" ? Color.Red : Color.Yellow)));
        }

        output.Write(Facts(run, output.Now));
        Section(output, "Parameters", Listing.Facts()
            .AddAll(ParamPath.Flat(run.Spec.Params).Select(one => new Cell[] { new(one.Key, "dim"), Format.Value(one.Value) })));
        Checks(output, run);
        Section(output, "Metrics", Listing.Untitled(Column.Text("name"), Column.Number("value")).AddAll(
            run.Metrics.OrderBy(one => RunView.IsSystem(one.Key)).Select(one => new Cell[] { new(one.Key, "dim"), Format.Number(one.Value) })));
        if (run.MetricsLeftOut > 0)
        {
            output.Remark($"[dim]{run.MetricsLeftOut} or more metrics are not shown; all: exp metrics {Format.ShortId(run.Id)}[/]");
        }

        Section(output, "Machine", Listing.Facts().AddAll(MachineUse.Of(measured).Select(one => new Cell[] { new(one.What, "dim"), one.Used })));
        Files(output, run);
        if (run.ChangedMeanwhile is { } changed)
        {
            output.Remark($"[yellow]Changed while it ran, so that it is not given back to later submissions: {changed}[/]");
        }

        if (run.Attempts.Count > 1)
        {
            Section(output, "Attempts",
                Listing.Untitled(Column.Number("attempt"), Column.Number("time", 1), Column.Word("cause"), Column.Text("worker", 2))
                .AddAll(run.Attempts.Select(attempt => new Cell[]
                {
                    $"{attempt.Epoch}", new(attempt.Ended is { } ended ? Format.Duration(ended - attempt.Claimed) : "now", "dim"),
                    attempt.Cause is { } end ? Format.Cause(end) : "",
                    $"{attempt.Owner}{(attempt.Resume is { } resume ? $", from step {resume.Step}" : "")}",
                })));
        }

        Section(output, "History", Listing.Untitled(Column.Word("time", 1), Column.Word("state"), Column.Text("why"))
            .AddAll(run.History.Select(entry => new Cell[]
        {
            new(Format.Time(entry.At), "dim"), new(Format.State(entry.State), Format.Colour(entry.State)),
            (entry.Cause is { } reason ? Format.Cause(reason) : "")
                + (entry is { Cause: not null, Message: not null } ? ": " : "")
                + FirstLine(entry.Message ?? ""),
        })));
    }

    private static Listing Facts(RunRecord run, DateTimeOffset now)
    {
        var (spec, facts) = (run.Spec, Listing.Facts());
        Fact("project", run.Project);
        Fact("submitted", $"{Format.Time(run.Created)} ({Format.Ago(run.Created, now)}){(run.SubmittedBy is { } by ? $" by {by}" : "")}");
        if (run.Started is { } started) Fact("took", $"{RunView.Elapsed(run, now)}, after {Format.Duration(started - run.Created)} of waiting");
        Fact("command", spec.Command);
        Fact("code", $"tree {Start(spec.Code.Tree)}{(spec.Code.Commit is { } commit ? $"  commit {Start(commit)}" : "")}");
        if (spec.Setup is { } setup) Fact("setup", setup);
        Fact("machine", $"{spec.Machine}  seed {spec.Seed}{(spec.Timeout is { } timeout ? $"  timeout {Format.Duration(timeout)}" : "")}");
        if (spec.Env.Count > 0) Fact("env", string.Join(' ', spec.Env.Select(one => $"{one.Key}={one.Value}")));
        if (spec.From is { } from) Fact("from", $"run {from.Run} at step {from.Step}");
        if (spec.Datasets.Count > 0)
        {
            Fact("datasets", string.Join(' ',
                spec.Datasets.Select(dataset => $"{dataset} ({dataset.Files} files, {Format.Bytes(dataset.LengthBytes)})")));
        }

        if (spec.Inputs.Count > 0)
        {
            Fact("inputs", string.Join(' ', spec.Inputs.Take(5).Select(input => input.Path))
                + (spec.Inputs.Count > 5 ? $" and {spec.Inputs.Count - 5} more" : ""));
        }

        if (run.Tags.Count > 0) Fact("tags", string.Join(' ', run.Tags));
        if (run.Step is { } step) Fact("step", $"{step}");
        if (run.ExitCode is { } exitCode && exitCode != 0) Fact("exit code", $"{exitCode}");
        if (run.Head is { } head)
        {
            var kept = run.Checkpoints.Count > 1 ? $"; {run.Checkpoints.Count} kept" : "";
            Fact("checkpoint", $"step {head.Step}, {Format.Bytes(head.LengthBytes)}, {Format.Ago(head.At, now)}{kept}");
        }

        return facts;

        void Fact(string label, string value) => facts.Add(new(label, "dim"), value);
    }

    private static void Checks(Output output, RunRecord run)
    {
        var listing = Listing.Untitled(Column.Word("passed"), Column.Text("metric"), Column.Number("value"), Column.Text("wanted", 1));
        Section(output, "Checks", listing.AddAll(run.Checks.Select(check => new Cell[]
        {
            new(check.Passed ? "✓" : "✗", check.Passed ? "green" : "red"), new(check.Metric, "dim"),
            check.Value is { } value ? Format.Number(value) : "no value", new($"wanted {check.Range}", "dim"),
        })));
        if (run.Checks.Count > 0) return;
        Section(output, "Checks, when it has ended", Listing.Facts()
            .AddAll(run.Spec.Checks.Select(check => new Cell[] { new(check.Key, "dim"), $"wanted {check.Value}" })));
    }

    private static void Files(Output output, RunRecord run)
    {
        if (run.LeftOut is { } leftOut)
        {
            Section(output, $"Left out ({leftOut.Count})", Files()
                .AddAll(leftOut.Files.Select(file => new Cell[] { new(file.Path, "yellow"), file.Why })));
        }

        Section(output, "Not published", Files().AddAll((run.Unpublished ?? []).Select(file => new Cell[]
        {
            new(file.Path.Length > 0 ? $"data/{file.Path}" : "", "yellow"), file.Why,
        })));

        static Listing Files() => Listing.Untitled(Column.Text("path"), Column.Text("why"));
    }

    private static void Section(Output output, string title, Listing listing)
    {
        if (listing.Count == 0) return;
        output.Line($"\n[bold]{title}[/]");
        output.Write(listing, indent: 2);
    }

    private static string Start(string hash) => hash[..Math.Min(12, hash.Length)];

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd();
}
