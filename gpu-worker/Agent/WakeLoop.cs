using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Messaging;

namespace Serverless.GpuWorker.Agent;

/// <summary>Takes one wake after another until the worker has to leave. A bad run, a bad message or a bus that is away never ends it.</summary>
/// <param name="tidy">Done now and then between two runs.</param>
/// <param name="unfit">Why this worker would only lose runs, and leaves them to others; null: it is fit.</param>
sealed class WakeLoop(
    AgentOptions options, IMessageBus bus, WakeHandler wakes, TimeProvider time, Shutdown shutdown, Action tidy, Func<string?> unfit,
    ILogger log)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30), TidyEvery = TimeSpan.FromMinutes(1);
    private static readonly Backoff AfterTrouble = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    private readonly long started = time.GetTimestamp();

    public async Task Run()
    {
        var queue = QueueNames.ForMachine(options.Machine);
        var idleSince = time.GetTimestamp();
        var tidied = time.GetTimestamp();
        var trouble = new FailureReporter("taking a run", log);
        var failures = 0;
        while (!shutdown.Draining.IsCancellationRequested && !IsUnfit())
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
                    if (IsUnfit())
                    {
                        await bus.Abandon(message);
                        return;
                    }

                    await wakes.Handle(message);
                    idleSince = time.GetTimestamp();
                }

                trouble.Recovered();
                failures = 0;
                if (time.GetElapsedTime(tidied) > TidyEvery)
                {
                    tidied = time.GetTimestamp();
                    tidy();
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
                await PeriodicTask.Pause(AfterTrouble.After(++failures), time, shutdown.Draining);
            }
        }
    }

    private bool IsUnfit()
    {
        if (unfit() is not { } problem) return false;
        log.Unfit(problem);
        return true;
    }
}
