using Serverless.Core.Api;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Results;

/// <summary>What there is to run on: machine classes with their queues, and the workers that were heard of lately.</summary>
public sealed class Machines(IObjectStore store, IMessageBus bus, IReadOnlyList<string> classes)
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
        var infos = new List<MachineClassInfo>();
        foreach (var name in all) infos.Add(new(name, await bus.Count(QueueNames.ForMachine(name), cancel), workers.Count(worker => worker.Machine == name)));
        return new(infos, workers, DamagedRecord.Listed(damaged));
    }
}
