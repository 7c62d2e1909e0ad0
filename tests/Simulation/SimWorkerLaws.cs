using System.Text;
using Serverless.Contract;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Simulation;

/// <summary>What must hold of each worker: what it does with the runs that it claims, from the claim to what follows from their end.</summary>
sealed class SimWorkerLaws(SimWorld world)
{
    private readonly Dictionary<(string Run, int Epoch), SimProcess> claims = [];
    private readonly Dictionary<(string Run, int Epoch), SimProcess> ends = [];
    private readonly Dictionary<SimProcess, RunRecord> attempts = [];

    /// <summary>Claims that no attempt has followed yet.</summary>
    private readonly Dictionary<(string Run, int Epoch), SimProcess> waiting = [];

    /// <summary>Whoever ended an attempt owes others word of it: the wake of a run that is queued again, the event of one that is over.</summary>
    private readonly Dictionary<string, (SimProcess By, RunState State)> owed = [];

    public SimProcess? OwnerOf(string run, int epoch) => claims.GetValueOrDefault((run, epoch));

    public void Claims(SimProcess process, string run, int epoch) => claims[(run, epoch)] = waiting[(run, epoch)] = process;

    /// <summary>An attempt begins: what its claim was for.</summary>
    public void Begins(SimProcess process, RunRecord run)
    {
        Law(claims.GetValueOrDefault((run.Id, run.Epoch)) == process, () => $"{process.Name} begins attempt {run.Epoch} of {run.Id} without its claim");
        Law(!attempts.ContainsKey(process), () => $"{process.Name} begins {run.Id} beside another");
        waiting.Remove((run.Id, run.Epoch));
        attempts[process] = run;
        process.Replaced = null;
    }

    public void IsOver(SimProcess process) => attempts.Remove(process);

    /// <summary>An attempt takes itself for replaced.</summary>
    public void IsFenced(SimProcess process)
    {
        var mine = attempts[process];
        Law(world.Laws.Records[mine.Id].Epoch != mine.Epoch || ends.GetValueOrDefault((mine.Id, mine.Epoch)) != process,
            () => $"{process.Name} is fenced by its own end of {mine.Id}");
    }

    /// <summary>A worker is done with what it had.</summary>
    public void TakesTheNext(SimProcess process)
    {
        Law(!attempts.ContainsKey(process), () => $"{process.Name} takes another run beside its own");
        foreach (var ((id, epoch), claimer) in waiting)
        {
            Law(claimer != process || world.Laws.Records[id] is not { Lease: not null } now || now.Epoch != epoch,
                () => $"{process.Name} claimed attempt {epoch} of {id} and waits for itself");
        }

        foreach (var (id, (by, state)) in owed)
        {
            Law(by != process, () => $"{process.Name} recorded that {id} is {state}, and goes on without having told");
        }
    }

    /// <summary>Whether the record shows that a process' attempt is no longer its own.</summary>
    public bool IsReplaced(SimProcess process, string key) =>
        attempts.TryGetValue(process, out var mine) && key == WorkspacePaths.Run(mine.Id) && world.Laws.Records[mine.Id] is var now
        && (now.Epoch > mine.Epoch || now.Lease is null) && ends.GetValueOrDefault((mine.Id, mine.Epoch)) != process;

    /// <summary>A process is about to write.</summary>
    public void Writes(SimProcess process, string key)
    {
        Law(!attempts.TryGetValue(process, out var mine) || !(process.Replaced < world.Clock.Now)
            || !key.StartsWith(WorkspacePaths.AttemptsOf(mine.Id), StringComparison.Ordinal),
            () => $"{process.Name} read at {process.Replaced:O} that it was replaced, and writes {key}");
    }

    public void Sent(SimProcess process, Message message)
    {
        if (RunWake.From(message) is { } wake && owed.GetValueOrDefault(wake.Run).By == process) owed.Remove(wake.Run);
    }

    /// <summary>An attempt's end is recorded by whoever made it.</summary>
    public void Ends(SimProcess process, RunRecord run)
    {
        ends[(run.Id, run.Epoch)] = process;
        owed[run.Id] = (process, run.State);
        CheckStreams(run);
    }

    /// <summary>Word of a state that is past is owed no more.</summary>
    public void RunIs(string run, RunState state)
    {
        if (owed.TryGetValue(run, out var debt) && debt.State != state) owed.Remove(run);
    }

    public void IsTold(string run) => owed.Remove(run);

    /// <summary>What an attempt's end says is stored is there: each step since it resumed, once and in order.</summary>
    private void CheckStreams(RunRecord run)
    {
        var id = run.Id;
        var attempt = run.Attempts[^1];
        var steps = new List<long>();
        for (var step = (attempt.Resume?.Step ?? 0) + 1; step <= run.Step; step++) steps.Add(step);
        var log = world.Store.Peek(WorkspacePaths.LogSegment(id, attempt.Epoch, 0))?.Body ?? [];
        Law(log.Length == attempt.Logs?.LengthBytes && Encoding.UTF8.GetString(log) == string.Concat(steps.Select(SimWork.Line)),
            () => $"{id} has the steps {string.Join(',', steps)}, its end {attempt.Logs}, and the log '{Encoding.UTF8.GetString(log)}'");
        var metrics = world.Store.Peek(WorkspacePaths.MetricsSegment(id, attempt.Epoch, 0))?.Body ?? [];
        var points = new List<MetricPoint>();
        new MetricStreamReader().Read(metrics, points);
        Law(metrics.Length == attempt.Metrics?.LengthBytes && points.Select(point => point.Step).SequenceEqual(steps),
            () => $"{id} has the steps {string.Join(',', steps)}, its end {attempt.Metrics}, and {points.Count} points");
    }

    private void Law(bool holds, Func<string> otherwise)
    {
        if (!holds) world.Break(otherwise());
    }
}
