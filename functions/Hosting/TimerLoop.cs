using Cronos;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.Functions.Hosting;

/// <summary>Calls a timer's function: once at the start, to do at once what was left undone, then by its schedule. One call at a time.</summary>
sealed class TimerLoop(TimerFunction function, Invocation invocation, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan LooksEvery = TimeSpan.FromMinutes(1);

    private readonly CronExpression schedule = CronExpression.Parse(function.Trigger.Schedule, CronFormat.IncludeSeconds);

    public async Task Run(CancellationToken stop)
    {
        string? said = null;
        try
        {
            while (true)
            {
                try
                {
                    await invocation.Event(new TimerInfo(), stop);
                    said = null;
                }
                catch (Exception e) when (!stop.IsCancellationRequested && Trouble(e) is { } trouble)
                {
                    if (said != trouble) log.TimerUnavailable(function.Name, said = trouble);
                }
                catch (Exception e) when (!stop.IsCancellationRequested)
                {
                    log.TimerFailed(e, function.Name);
                }

                await Next(stop);
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The end was asked for.
        }
    }

    // What says all that there is to say, and may last for hours. Null: a fault.
    private static string? Trouble(Exception e) => e switch
    {
        BusUnavailableException or StoreUnavailableException or StoreFullException => e.Message,
        AggregateException several when several.InnerExceptions.All(one => Trouble(one) is not null) =>
            string.Join("; ", several.InnerExceptions.Select(Trouble).Distinct()),
        _ => null,
    };

    // Looking at the clock now and then: when it is set forward, the instant may be past; when it is set back, the next one may come before.
    private async Task Next(CancellationToken stop)
    {
        var now = time.GetUtcNow();
        while (true)
        {
            var from = now;
            var next = schedule.GetNextOccurrence(from, TimeZoneInfo.Utc)
                ?? throw new InvalidOperationException($"{function.Name}: the schedule never comes");
            await Task.Delay(next - from < LooksEvery ? next - from : LooksEvery, time, stop);
            now = time.GetUtcNow();
            if (now >= next) return;
        }
    }
}
