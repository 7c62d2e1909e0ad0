using Microsoft.Extensions.Time.Testing;

namespace Serverless.Tests.Support;

/// <summary>
/// A clock on the wall that people set, beside the machine's uptime, which nobody can set: timers and elapsed time go by the latter.
/// </summary>
sealed class SettableClock : TimeProvider
{
    private readonly FakeTimeProvider uptime;
    private long offset;

    public SettableClock(DateTimeOffset now, TimeSpan? uptime = null)
    {
        this.uptime = new(new DateTimeOffset(uptime?.Ticks ?? TimeSpan.FromDays(1).Ticks, TimeSpan.Zero));
        offset = now.Ticks - this.uptime.GetUtcNow().Ticks;
    }

    public override long TimestampFrequency => uptime.TimestampFrequency;

    public override long GetTimestamp() => uptime.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => uptime.GetUtcNow().AddTicks(Interlocked.Read(ref offset));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        uptime.CreateTimer(callback, state, dueTime, period);

    public void Advance(TimeSpan by) => uptime.Advance(by);

    /// <summary>Sets the clock forward, or back when negative.</summary>
    public void Set(TimeSpan by) => Interlocked.Add(ref offset, by.Ticks);
}
