using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Agent;

/// <summary>A worker's process: what takes runs, with what it needs of this machine to execute them.</summary>
/// <param name="user">Whom code runs as; null: as this process does.</param>
sealed class AgentHost(
    AgentOptions options, AgentFolder folder, IWorkspaces workspaces, IMessageBus bus, IIds ids, TimeProvider time, CodeUser? user, ILogger log)
{
    public async Task<int> Run()
    {
        using var shutdown = new Shutdown(options.DrainsAfter, time);
        using var requests = new ShutdownRequests(shutdown, options.Parent, time, log);
        Native.AdoptOrphans();
        var groups = ControlGroups.Open(folder.Mark, out var noGroups);
        var around = new RunEnvironment(user, folder.Mark, groups is { LimitsProcessors: true });
        using var pool = new RunnerPool(options.Spares, around.OfMachine(), user, groups, log);
        using var compiler = new Compiler(around.OfMachine(), time, log);
        var caches = new CacheFolders(options.CacheFolder, options.CacheBytes, user);
        var preparation = new Preparation(caches, ids, time, pool, compiler, around, user, log);
        await using var card = new WorkerCard(options, workspaces.Open(options.Workspace), time, noGroups, log);
        var retry = new Retry(time, log);
        var wakes = new WakeHandler(options, workspaces, bus, ids, time, retry, shutdown, Begin, run => card.Run = run, log);
        var loop = new WakeLoop(options, bus, wakes, time, shutdown, preparation.Trim, () => folder.Problem, log);
        card.Start();
        pool.Refill(RunnerKind.Plain);
        log.Ready(options.Machine, options.Device);

        // What whoever started this waits for.
        Console.WriteLine("ready");
        using var draining = shutdown.Draining.Register(log.Draining);
        _ = Task.Run(() => pool.Refill(RunnerKind.Torch));
        if (options.Spares > 0) _ = Task.Run(compiler.Warm);
        await loop.Run();
        return folder.Problem is null ? 0 : 1;

        async Task<IAttemptWork> Begin(ClaimedRun claimed)
        {
            var entered = user is null ? null : await user.Enter(time, shutdown.OutOfTime);
            return new CodeWork(options, folder.Itself, claimed, time, preparation, pool, shutdown, retry, entered, log);
        }
    }
}
