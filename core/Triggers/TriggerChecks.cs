using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>Whether what a trigger refers to can exist, by what the workspace has now: asked before a trigger is stored.</summary>
public sealed class TriggerChecks
{
    private readonly Submission submission;
    private readonly TriggerEventReader events;

    internal TriggerChecks(Submission submission, TriggerEventReader events) => (this.submission, this.events) = (submission, events);

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
    private async Task<TemplateContext> Example(LiveTrigger trigger, CancellationToken cancel)
    {
        var blank = TriggerRules.Example(trigger.Name, trigger.When) with { AnyParam = true, AnyOutput = true };
        if (trigger.When.Runs is not var (project, experiment)) return blank;
        var states = trigger.When.Run?.States ?? [RunState.Succeeded];
        var ended = await First(events.Ended(project, experiment, states, cancel));
        var newest = ended ?? await First(events.Ended(project, experiment, [], cancel));
        if (newest is null || await events.Run(newest.Id, cancel) is not { } run) return blank;
        TriggerEvent happened = blank.Event is TriggerEvent.Artifact artifact ? artifact with { Run = run.Id } : new TriggerEvent.RunEnd(run.Id);
        var known = await events.Read(trigger, happened, run, cancel);
        return known.Context with { AnyOutput = ended is null };
    }

    /// <summary>What code writes cannot be told from its spec, but from what it wrote.</summary>
    private async Task<Problem?> PublishedBefore(LiveTrigger trigger, ExperimentSpec spec, CancellationToken cancel)
    {
        if (await First(events.Ended(spec.Project, spec.Name, [RunState.Succeeded], cancel)) is not { } newest
            || await events.Run(newest.Id, cancel) is not { } run)
        {
            return null;
        }

        return (await events.Published(run, cancel)).Select(file => WorkspacePaths.Data + file.Path)
            .FirstOrDefault(path => trigger.Pattern!.Matches(path, isFolder: false)) is { } path
            ? new("when.file",
                $"the trigger would set itself off: {spec.Project}/{spec.Name}, which it submits, publishes {path} (run {run.Id} did); leave that " +
                "out of the pattern")
            : null;
    }

    private static async Task<RunSummary?> First(IAsyncEnumerable<RunSummary> runs)
    {
        await foreach (var run in runs) return run;
        return null;
    }
}
