using System.Reflection;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>What is done by the clock goes on, however somebody sets it.</summary>
public sealed class TimerLoopTests
{
    private readonly SettableClock time = new(new(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));
    private int ticks;

    [Theory]
    [InlineData("0 0 3 * * *", 1)]
    [InlineData("0 * * * * *", 1)]
    [InlineData("0 * * * * *", -1)]
    [InlineData("0 * * * * *", -365)]
    public async Task ClockSet_TheNextInstantComesByTheNewTime(string schedule, int days)
    {
        using var stop = new CancellationTokenSource();
        var method = typeof(TimerLoopTests).GetMethod(nameof(Tick), BindingFlags.Instance | BindingFlags.NonPublic)!;
        var loop = new TimerLoop(new("Tick", method, new(schedule)), new(method, _ => this), time, NullLogger.Instance);
        var running = loop.Run(stop.Token);
        await Eventually.True(() => Volatile.Read(ref ticks) == 1, TimeSpan.FromSeconds(30), () => "the call at the start");
        time.Set(TimeSpan.FromDays(days));
        await Eventually.True(() => Volatile.Read(ref ticks) > 1 || Advanced(), TimeSpan.FromSeconds(30), () => "the next call");
        await stop.CancelAsync();
        await running;

        // A few seconds with each look: a day would take longer than anybody waits here.
        bool Advanced()
        {
            time.Advance(TimeSpan.FromSeconds(5));
            return false;
        }
    }

    /// <summary>The function that the loop calls.</summary>
    internal Task Tick(TimerInfo timer)
    {
        Interlocked.Increment(ref ticks);
        return Task.CompletedTask;
    }
}
