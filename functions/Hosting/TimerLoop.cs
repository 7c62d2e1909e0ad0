using Cronos;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace Serverless.Functions.Hosting;

/// <summary>Calls a timer's function: once at the start, to do at once what was left undone, then by its schedule. One call at a time.</summary>
sealed class TimerLoop(TimerFunction function, Invocation invocation, TimeProvider time, ILogger log)
{
    private readonly CronExpression schedule = CronExpression.Parse(function.Trigger.Schedule, CronFormat.IncludeSeconds);

    public async Task Run(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                try
                {
                    await invocation.Event(new TimerInfo(), stop);
                }
                catch (Exception e) when (!stop.IsCancellationRequested)
                {
                    log.LogError(e, "{Function}", function.Name);
                }

                var now = time.GetUtcNow();
                var next = schedule.GetNextOccurrence(now, TimeZoneInfo.Utc) ?? throw new InvalidOperationException($"{function.Name}: the schedule never comes");
                await Task.Delay(next - now, time, stop);
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The end was asked for.
        }
    }
}
