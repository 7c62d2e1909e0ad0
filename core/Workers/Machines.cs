using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Workers;

/// <summary>What there is to run on: machine classes with their queues, and the workers that were heard of lately.</summary>
public sealed class Machines(IObjectStore store, RunIndex index, IReadOnlyList<string> classes)
{
    /// <summary>A worker that missed this many heartbeats is not shown; nothing is concluded about its runs.</summary>
    private const int MissedHeartbeats = 3;

    public async Task<MachineList> List(CancellationToken cancel = default)
    {
        var workers = new List<WorkerInfo>();
        var damaged = new List<DamagedRecord>();
        await foreach (var stored in store.List(WorkspacePaths.Workers, cancel: cancel))
        {
            if (WorkspacePaths.WorkerIdOf(stored.Key) is null) continue;
            var read = await store.Read<WorkerInfo>(stored.Key, cancel);
            if (read.Damage is { } damage) damaged.Add(damage);
            if (read.Found is not { } content) continue;
            var worker = content.Record with { Seen = content.Object.Modified };
            if (content.Now - content.Object.Modified <= worker.Heartbeat * MissedHeartbeats + TimeSpan.FromSeconds(1)) workers.Add(worker);
        }

        var all = classes.Concat(workers.Select(worker => worker.Machine)).Distinct(StringComparer.Ordinal);
        var waiting = await Waiting(cancel);
        return new(
            [.. all.Select(name => new MachineClassInfo(name, waiting.GetValueOrDefault(name), workers.Count(worker => worker.Machine == name)))],
            workers, DamagedRecord.Listed(damaged));
    }

    // Runs, not messages: of those a run may have several in the queue, or one that is not due. Of the runs only the active ones are looked at, however
    // many have ended. Nobody can tell what a damaged record waits for.
    private async Task<Dictionary<string, long>> Waiting(CancellationToken cancel)
    {
        var waiting = new Dictionary<string, long>(StringComparer.Ordinal);
        await foreach (var entry in store.List(WorkspacePaths.Active, cancel: cancel))
        {
            if (WorkspacePaths.ActiveRunIdOf(entry.Key) is not { } id) continue;
            if (await index.Find(id, cancel) is { State: RunState.Queued, Machine: var machine }) waiting[machine] = waiting.GetValueOrDefault(machine) + 1;
        }

        return waiting;
    }
}
