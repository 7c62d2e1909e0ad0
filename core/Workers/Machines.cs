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
        var known = await store.Records<WorkerInfo>(WorkspacePaths.Workers, key => WorkspacePaths.WorkerIdOf(key) is not null, cancel)
            .Collect(where: IsHeardOf);
        var workers = known.Found.Select(read => read.Record with { Seen = read.Object.Modified }).ToList();
        var all = classes.Concat(workers.Select(worker => worker.Machine)).Distinct(StringComparer.Ordinal);
        var waiting = await Waiting(cancel);
        return new(
            [.. all.Select(name => new MachineClassInfo(name, waiting.GetValueOrDefault(name), workers.Count(worker => worker.Machine == name)))],
            workers, DamagedRecord.Listed(known.Damaged));
    }

    private static bool IsHeardOf(StoredRecord<WorkerInfo> read) =>
        read.Now - read.Object.Modified <= read.Record.Heartbeat * MissedHeartbeats + TimeSpan.FromSeconds(1);

    // Runs, not messages: of those a run may have several in the queue, or one that is not due. Of the runs only the active ones are looked at,
    // however many have ended. Nobody can tell what a damaged record waits for.
    private async Task<Dictionary<string, long>> Waiting(CancellationToken cancel)
    {
        var waiting = new Dictionary<string, long>(StringComparer.Ordinal);
        await foreach (var entry in store.List(WorkspacePaths.Active, cancel: cancel))
        {
            if (WorkspacePaths.ActiveRunIdOf(entry.Key) is not { } id) continue;
            if (await index.Find(id, cancel) is { State: RunState.Queued, Machine: var machine })
            {
                waiting[machine] = waiting.GetValueOrDefault(machine) + 1;
            }
        }

        return waiting;
    }
}
