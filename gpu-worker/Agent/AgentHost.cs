using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Agent;

/// <summary>Takes one wake after another until it has to leave. A bad run, a bad message or a bus that is away never ends it.</summary>
/// <param name="user">Whom code runs as; null: as this process does.</param>
sealed class AgentHost(AgentOptions options, IWorkspaces workspaces, IMessageBus bus, IIds ids, TimeProvider time, CodeUser? user)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30), AfterTrouble = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TrimEvery = TimeSpan.FromHours(1);

    private readonly long started = time.GetTimestamp();

    public async Task<int> Run()
    {
        using var departure = new Departure(options.Parent, options.LeavesAfter, time);
        Native.AdoptOrphans();
        CleanUp();
        using var pool = new RunnerPool(options.Spares, RunEnvironment.OfMachine(user), user);
        var preparation = new Preparation(options.CacheFolder, ids, time, pool, user);
        await using var card = new WorkerCard(options, workspaces.Open(options.Workspace), time);
        var wakes = new WakeHandler(options, workspaces, bus, ids, time, preparation, pool, departure, card);
        card.Start();
        pool.Refill(Temperature.Plain);
        Console.WriteLine("ready");
        _ = Task.Run(() => pool.Refill(Temperature.Torch));
        await TakeRuns(wakes, preparation, departure);
        return 0;
    }

    private async Task TakeRuns(WakeHandler wakes, Preparation preparation, Departure departure)
    {
        var queue = QueueNames.ForMachine(options.Machine);
        var idleSince = time.GetTimestamp();
        var trimmed = time.GetTimestamp();
        while (!departure.Leaving.IsCancellationRequested)
        {
            var idle = time.GetElapsedTime(idleSince);
            var age = time.GetElapsedTime(started);
            if (idle >= options.ExitWhenIdle || age >= options.TakesRunsFor) return;
            TimeSpan[] waits = [LongestWait, options.ExitWhenIdle - idle ?? LongestWait, options.TakesRunsFor - age ?? LongestWait];
            var wait = waits.Min();
            try
            {
                if (await bus.Receive(queue, wait, departure.Leaving) is { } message)
                {
                    await wakes.Handle(message);
                    idleSince = time.GetTimestamp();
                }
                else if (time.GetElapsedTime(trimmed) > TrimEvery)
                {
                    trimmed = time.GetTimestamp();
                    preparation.Trim();
                }
            }
            catch (OperationCanceledException) when (departure.Leaving.IsCancellationRequested)
            {
                return;
            }
            catch (Exception trouble)
            {
                // Whatever it was about, the message's lock will end and the wake come again.
                await Console.Error.WriteLineAsync($"{trouble.GetType().Name}: {trouble.Message}");
                if (trouble is not (IOException or TimeoutException)) await Console.Error.WriteLineAsync(trouble.StackTrace);
                await Task.Delay(AfterTrouble, time, CancellationToken.None);
            }
        }
    }

    // What attempts of an earlier process with this name left; nobody else uses the folder.
    private void CleanUp()
    {
        var work = Path.Combine(options.Folder, "work");
        if (!Directory.Exists(work)) return;
        foreach (var left in Directory.EnumerateDirectories(work)) Folders.Delete(left);
    }
}
