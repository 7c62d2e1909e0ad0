using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>Whether what a trigger refers to can exist, by what the workspace has now: asked before a trigger is stored.</summary>
public sealed class TriggerChecks
{
    private readonly Submission submission;
    private readonly CauseReader causes;

    internal TriggerChecks(Submission submission, CauseReader causes) => (this.submission, this.causes) = (submission, causes);

    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    public async Task<IReadOnlyList<Problem>> Problems(TriggerDefinition definition, CancellationToken cancel = default)
    {
        var problems = new ProblemList();
        var trigger = new LiveTrigger(new("", definition, null, default, default));
        if (TriggerRules.Filled(trigger.Then, await Example(trigger, cancel), problems) is not { } spec) return problems;
        if (TriggerRules.SelfProblem(definition.When, spec) is { } self) problems.Add(self);
        if (definition.When.File is not null && await PublishedBefore(trigger, spec, cancel) is { } own) problems.Add(own);
        problems.AddRange((await submission.Check(spec, cancel)).Select(problem => problem with { Path = $"then.{problem.Path}" }));
        return problems;
    }

    /// <summary>The newest run that the trigger would have acted on stands for those to come; what no run has shown yet may be anything.</summary>
    private async Task<CauseFacts> Example(LiveTrigger trigger, CancellationToken cancel)
    {
        var blank = TriggerRules.Example(trigger.Name, trigger.When) with { AnyParam = true, AnyOutput = true };
        if (trigger.When.Runs is not var (project, experiment)) return blank;
        var states = trigger.When.Run?.States ?? [RunState.Succeeded];
        var ended = await First(causes.Ended(project, experiment, states, cancel));
        var newest = ended ?? await First(causes.Ended(project, experiment, [], cancel));
        if (newest is null || await causes.Run(newest.Id, cancel) is not { } run) return blank;
        TriggerCause cause = blank.Cause is TriggerCause.Artifact artifact ? artifact with { Run = run.Id } : new TriggerCause.RunEnd(run.Id);
        var known = await causes.Read(trigger, cause, run, cancel);
        return known.Facts with { AnyOutput = ended is null };
    }

    /// <summary>What code writes cannot be told from its spec, but from what it wrote.</summary>
    private async Task<Problem?> PublishedBefore(LiveTrigger trigger, ExperimentSpec spec, CancellationToken cancel)
    {
        if (await First(causes.Ended(spec.Project, spec.Name, [RunState.Succeeded], cancel)) is not { } newest || await causes.Run(newest.Id, cancel) is not { } run) return null;
        return (await causes.Published(run, cancel)).Select(file => WorkspacePaths.Data + file.Path).FirstOrDefault(path => trigger.Pattern!.Matches(path, isFolder: false)) is { } path
            ? new("when.file", $"the trigger would set itself off: {spec.Project}/{spec.Name}, which it submits, publishes {path} (run {run.Id} did); leave that out of the pattern")
            : null;
    }

    private static async Task<RunSummary?> First(IAsyncEnumerable<RunSummary> runs)
    {
        await foreach (var run in runs) return run;
        return null;
    }
}
