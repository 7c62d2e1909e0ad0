using System.Text.Json;
using Serverless.Core.Api;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Results;

/// <summary>What there is to run on: machine classes with their queues, and the workers that were heard of lately.</summary>
public sealed class Machines(IObjectStore store, RunIndex index, IReadOnlyList<string> classes)
{
    /// <summary>A worker that missed this many heartbeats is not shown; nothing is concluded about its runs.</summary>
    private const int MissedHeartbeats = 3;

    public async Task<MachineList> List(CancellationToken cancel = default)
    {
        var workers = new List<WorkerInfo>();
        await foreach (var stored in store.List(WorkspacePaths.Workers, cancel: cancel))
        {
            if (WorkspacePaths.WorkerIdOf(stored.Key) is null || await store.Get(stored.Key, cancel: cancel) is not { } content) continue;
            var worker = content.Json<WorkerInfo>() with { Seen = content.Object.Modified };
            if (content.Now - content.Object.Modified <= worker.Heartbeat * MissedHeartbeats + TimeSpan.FromSeconds(1)) workers.Add(worker);
        }

        var all = classes.Concat(workers.Select(worker => worker.Machine)).Distinct(StringComparer.Ordinal);
        var waiting = await Waiting(cancel);
        return new([.. all.Select(name => new MachineClassInfo(name, waiting.GetValueOrDefault(name), workers.Count(worker => worker.Machine == name)))], workers);
    }

    // Runs, not messages: of those a run may have several in the queue, or one that is not due. Of the runs only the active ones are looked at, however many have ended.
    private async Task<Dictionary<string, long>> Waiting(CancellationToken cancel)
    {
        var waiting = new Dictionary<string, long>(StringComparer.Ordinal);
        await foreach (var entry in store.List(WorkspacePaths.Active, cancel: cancel))
        {
            if (WorkspacePaths.ActiveRunIdOf(entry.Key) is not { } id || await Queued(id, cancel) is not { } machine) continue;
            waiting[machine] = waiting.GetValueOrDefault(machine) + 1;
        }

        return waiting;
    }

    private async Task<string?> Queued(string id, CancellationToken cancel)
    {
        try
        {
            return await index.Find(id, cancel) is { State: RunState.Queued, Machine: var machine } ? machine : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            // Nobody can tell what a damaged record waits for.
            return null;
        }
    }
}
