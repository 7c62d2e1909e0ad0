using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;
using Serverless.Contract;
using Serverless.Core.Runs;
using Spectre.Console;

namespace Serverless.Cli;

static class ShowCommand
{
    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        return new Verb("show", "Show everything about a run: result, parameters, metrics, attempts, history")
        {
            Examples = ["exp show last", "exp show 7XK2QA --json"],
        }.With(name).Does(world, async (session, cancel) =>
        {
            Output.WarmUp();
            var run = await session.Api.GetRun(await session.FindRun(name, cancel), cancel);
            if (session.Output.Json) Output.WriteJson(run);
            else Show(session.Output, run);
        });
    }

    private static void Show(Output output, RunRecord run)
    {
        var state = $"{Format.Sign(run.State)} {Format.State(run.State)}";
        var cause = run.Cause is { } why && run.State != RunState.Succeeded ? $" ({Format.Cause(why)})" : "";
        output.Line($"[{Format.Colour(run.State)} bold]{state}{cause}[/]  [bold]{run.Experiment}[/] v{run.Version}  {run.Id}");
        if (run.Message is { } message && run.State != RunState.Succeeded) output.Write(new Text($"{message.TrimEnd()}\n", new(Format.Colour(run.State) == "red" ? Color.Red : Color.Yellow)));

        var facts = new Listing("", "");
        Fact("project", run.Project);
        Fact("submitted", $"{Format.Time(run.Created)} ({Format.Ago(run.Created, output.Now)}){(run.SubmittedBy is { } by ? $" by {by}" : "")}");
        if (run.Started is { } started) Fact("took", $"{RunView.Elapsed(run, output.Now)}, after {Format.Duration(started - run.Created)} of waiting");
        Fact("code", $"{run.Spec.Command}  tree {run.Spec.Code.Tree[..Math.Min(12, run.Spec.Code.Tree.Length)]}{(run.Spec.Code.Commit is { } commit ? $"  commit {commit[..Math.Min(12, commit.Length)]}" : "")}");
        if (run.Spec.Setup is { } setup) Fact("setup", setup);
        Fact("machine", $"{run.Spec.Machine}  seed {run.Spec.Seed}{(run.Spec.Timeout is { } timeout ? $"  timeout {Format.Duration(timeout)}" : "")}");
        if (run.Spec.Env.Count > 0) Fact("env", string.Join(' ', run.Spec.Env.Select(one => $"{one.Key}={one.Value}")));
        if (run.Spec.From is { } from) Fact("from", $"run {from.Run} at step {from.Step}");
        if (run.Spec.Datasets.Count > 0) Fact("datasets", string.Join(' ', run.Spec.Datasets.Select(dataset => $"{dataset} ({dataset.Files} files, {Format.Bytes(dataset.LengthBytes)})")));
        if (run.Spec.Inputs.Count > 0) Fact("inputs", string.Join(' ', run.Spec.Inputs.Take(5).Select(input => input.Path)) + (run.Spec.Inputs.Count > 5 ? $" and {run.Spec.Inputs.Count - 5} more" : ""));
        if (run.Tags.Count > 0) Fact("tags", string.Join(' ', run.Tags));
        if (run.Step is { } step) Fact("step", $"{step}");
        if (run.ExitCode is { } exitCode && exitCode != 0) Fact("exit code", $"{exitCode}");
        if (run.Head is { } head) Fact("checkpoint", $"step {head.Step}, {Format.Bytes(head.LengthBytes)}, {Format.Ago(head.At, output.Now)}{(run.Checkpoints.Count > 1 ? $"; {run.Checkpoints.Count} kept" : "")}");
        output.Write(facts);

        Section(output, "Parameters", new Listing("", "").AddAll(ParamPath.Flat(run.Spec.Params).Select(one => new Cell[] { new(one.Key, "dim"), Format.Value(one.Value) })));
        Section(output, "Checks", new Listing("", "", ">", "~").AddAll(run.Checks.Select(check => new Cell[]
        {
            new(check.Passed ? "✓" : "✗", check.Passed ? "green" : "red"), new(check.Metric, "dim"), check.Value is { } value ? Format.Number(value) : "no value", new($"wanted {check.Range}", "dim"),
        })));
        if (run.Checks.Count == 0 && run.Spec.Checks.Count > 0)
        {
            Section(output, "Checks, when it has ended", new Listing("", "").AddAll(run.Spec.Checks.Select(check => new Cell[] { new(check.Key, "dim"), $"wanted {check.Value}" })));
        }

        Section(output, "Metrics", new Listing("", ">").AddAll(
            run.Metrics.OrderBy(one => RunView.IsSystem(one.Key)).Select(one => new Cell[] { new(one.Key, "dim"), Format.Number(one.Value) })));
        if (run.MetricsLeftOut > 0) output.Remark($"[dim]and {run.MetricsLeftOut} metrics or more that the record has no room for: exp metrics {Format.ShortId(run.Id)}[/]");
        if (run.LeftOut is { } leftOut)
        {
            Section(output, $"Left out ({leftOut.Count})", new Listing("", "~").AddAll(leftOut.Files.Select(file => new Cell[] { new(file.Path, "yellow"), file.Why })));
        }

        if (run.ChangedMeanwhile is { } changed)
        {
            output.Remark($"[yellow]Changed while it ran, so that it is not given back to later submissions: {changed}[/]");
        }

        if (run.Attempts.Count > 1)
        {
            Section(output, "Attempts", new Listing("", "", "", "~").AddAll(run.Attempts.Select(attempt => new Cell[]
            {
                $"{attempt.Epoch}", new(attempt.Ended is { } ended ? Format.Duration(ended - attempt.Claimed) : "now", "dim"),
                attempt.Cause is { } end ? Format.Cause(end) : "", $"{attempt.Owner}{(attempt.Resume is { } resume ? $", from step {resume.Step}" : "")}",
            })));
        }

        Section(output, "Not published", new Listing("", "~").AddAll((run.Unpublished ?? []).Select(file => new Cell[] { new(file.Path.Length > 0 ? $"data/{file.Path}" : "", "yellow"), file.Why })));
        Section(output, "History", new Listing("", "", "~").AddAll(run.History.Select(entry => new Cell[]
        {
            new(Format.Time(entry.At), "dim"), new(Format.State(entry.State), Format.Colour(entry.State)),
            $"{(entry.Cause is { } reason ? Format.Cause(reason) : "")}{(entry is { Cause: not null, Message: not null } ? ": " : "")}{FirstLine(entry.Message ?? "")}",
        })));

        void Fact(string label, string value) => facts.Add(new(label, "dim"), value);
    }

    private static void Section(Output output, string title, Listing listing)
    {
        if (listing.Count == 0) return;
        output.Line($"\n[bold]{title}[/]");
        output.Write(listing, indent: 2);
    }

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd();
}
