using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Cli.Client;
using Serverless.Cli.Submit;
using Serverless.Cli.Terminal;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Core.Triggers;

namespace Serverless.Cli.Demo;

/// <summary>
/// The experiments of the demo, the samples of this repository, which the build puts beside <c>exp</c>; and the trigger that leads from the first to
/// the second.
/// </summary>
sealed class DemoExperiments(ServerlessClient api, Output output, TimeProvider time, bool quick)
{
    public const string Trigger = "cnn-after-mlp";
    private const string Project = "demo", First = "prune-mlp", Second = "prune-cnn", Baseline = "baseline-mlnet", Digits = "data/digits/";

    /// <summary>What <c>prune-mlp</c> found out, as <c>prune-cnn</c> takes it.</summary>
    private const string Found = "${run.metrics.prune/best-sparsity}";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Enough for every line of code and every column of the table, too little to learn from.</summary>
    private static readonly (string Name, string Value)[] Quick = [("epochs", "1"), ("fine-tune-epochs", "1"), ("sparsities", "[0.5, 0.9]"),
        ("trees", "[1, 2]")];

    /// <summary>Stores the trigger and submits what does not wait for another.</summary>
    /// <returns>Ids of the runs, the one that sets the trigger off first.</returns>
    public async Task<IReadOnlyList<string>> Submit(CancellationToken cancel)
    {
        var hasDigits = await api.ListFiles(Digits, cancel).AnyAsync(cancel);
        var digits = hasDigits ? $"those in {Digits}" : $"drawn by the experiments themselves; put files into {Digits} to use your own";
        output.Remark($"[dim]Digits: {digits}[/]");
        await Store(Source(Second, hasDigits), cancel);
        var ids = new List<string>();
        foreach (var name in (string[])[First, Baseline]) ids.Add((await Submitting.Submit(api, Source(name, hasDigits), cancel)).Runs[0].Id);
        return ids;
    }

    /// <summary>The run that the trigger made of the end of another.</summary>
    public async Task<SubmittedRun> FollowOn(string run, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var firing = (await api.GetFirings(Trigger, 100, cancel)).Firings.FirstOrDefault(firing => firing.Event == $"run {run}");
            if (firing is { Outcome: FiringOutcome.Submitted }) return firing.Runs[0];
            if (firing is { Outcome: not FiringOutcome.Pending } || time.GetElapsedTime(began) > Patience)
            {
                throw new ExpException(ExitCode.RunFailed,
                    $"the trigger {Trigger} did not follow run {run}: {firing?.Said ?? "nothing happened"}; see: exp trigger show {Trigger}");
            }

            // A run of an earlier demo was given back: it ended before, and is past to a trigger that has changed since.
            if (firing is null
                && (await api.TestTrigger(Trigger, null, cancel)).Events.FirstOrDefault(cause => cause.Event == $"run {run}") is { Fires: true } past
                && past.At < (await api.GetTrigger(Trigger, cancel)).Since) await api.ReplayTrigger(Trigger, past.Firing, stopped: false, cancel);
            await Task.Delay(Pause, time, cancel);
        }
    }

    private async Task Store(ExperimentSource second, CancellationToken cancel)
    {
        var then = JsonNode.Parse(
            SpecWriter.ToJson(second.Spec with { Code = await Submitting.Upload(api, second.CodePath!, second.Spec.Code, cancel) }))!;
        then["params"]!["sparsities"] = new JsonArray(Found);
        var when = new TriggerWhen { Run = new(Project, First, [RunState.Succeeded]) };
        var stored = await api.PutTrigger(new(Trigger, when, JsonElement.Parse(then.ToJsonString()), new()), cancel);
        var submits = stored.Definition.Submits;
        output.Remark($"Trigger [bold]{Trigger}[/]: when {First} succeeds, submit {submits} with the sparsity that worked, {Found}");
    }

    private ExperimentSource Source(string name, bool hasDigits)
    {
        var source = ExperimentSource.Of(Path.Combine(AppContext.BaseDirectory, "experiments", name), []);
        var parameters = new Dictionary<string, JsonElement>(source.Spec.Params);
        foreach (var (parameter, value) in quick ? Quick.Where(change => parameters.ContainsKey(change.Name)) : [])
        {
            parameters[parameter] = JsonElement.Parse(value);
        }

        return source with { Spec = source.Spec with { Project = Project, Inputs = hasDigits ? [Digits] : [], Params = parameters } };
    }
}
