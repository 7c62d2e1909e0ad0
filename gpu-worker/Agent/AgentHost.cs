using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Agent;

/// <summary>Takes one wake after another until it has to leave. A bad run, a bad message or a bus that is away never ends it.</summary>
/// <param name="user">Whom code runs as; null: as this process does.</param>
sealed class AgentHost(
    AgentOptions options, AgentFolder folder, IWorkspaces workspaces, IMessageBus bus, IIds ids, TimeProvider time, CodeUser? user, ILogger log)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30), TrimEvery = TimeSpan.FromMinutes(1);
    private static readonly Backoff AfterTrouble = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    private readonly long started = time.GetTimestamp();

    public async Task<int> Run()
    {
        using var shutdown = new Shutdown(options.Parent, options.DrainsAfter, time, log);
        Native.AdoptOrphans();
        var groups = ControlGroups.Open(folder.Mark, out var noGroups);
        var around = new RunEnvironment(user, folder.Mark, groups is { LimitsProcessors: true });
        using var pool = new RunnerPool(options.Spares, around.OfMachine(), user, groups, log);
        using var compiler = new Compiler(around.OfMachine(), time, log);
        var caches = new CacheFolders(options.CacheFolder, options.CacheBytes, user);
        var preparation = new Preparation(caches, ids, time, pool, compiler, around, user, log);
        await using var card = new WorkerCard(options, workspaces.Open(options.Workspace), time, noGroups, log);
        var wakes = new WakeHandler(options, folder.Itself, workspaces, bus, ids, time, preparation, pool, shutdown, card, user, log);
        card.Start();
        pool.Refill(RunnerKind.Plain);
        log.Ready(options.Machine, options.Device);

        // What whoever started this waits for.
        Console.WriteLine("ready");
        using var draining = shutdown.Draining.Register(log.Draining);
        _ = Task.Run(() => pool.Refill(RunnerKind.Torch));
        if (options.Spares > 0) _ = Task.Run(compiler.Warm);
        await TakeRuns(wakes, preparation, shutdown);
        return 0;
    }

    private async Task TakeRuns(WakeHandler wakes, Preparation preparation, Shutdown shutdown)
    {
        var queue = QueueNames.ForMachine(options.Machine);
        var idleSince = time.GetTimestamp();
        var trimmed = time.GetTimestamp();
        var trouble = new FailureReporter("taking a run", log);
        var failures = 0;
        while (!shutdown.Draining.IsCancellationRequested)
        {
            var idle = time.GetElapsedTime(idleSince);
            var age = time.GetElapsedTime(started);
            if (idle >= options.ExitWhenIdle || age >= options.TakesRunsFor) return;
            TimeSpan[] waits = [LongestWait, options.ExitWhenIdle - idle ?? LongestWait, options.TakesRunsFor - age ?? LongestWait];
            var wait = waits.Min();
            try
            {
                if (await bus.Receive(queue, wait, shutdown.Draining) is { } message)
                {
                    await wakes.Handle(message);
                    idleSince = time.GetTimestamp();
                }

                trouble.Recovered();
                failures = 0;
                if (time.GetElapsedTime(trimmed) > TrimEvery)
                {
                    trimmed = time.GetTimestamp();
                    preparation.Trim();
                }
            }
            catch (OperationCanceledException) when (shutdown.Draining.IsCancellationRequested)
            {
                return;
            }
            catch (Exception wrong)
            {
                // Whatever it was about, the message's lock will end and the wake come again.
                trouble.Failed(wrong);
                await Task.Delay(AfterTrouble.After(++failures), time, shutdown.Draining).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
