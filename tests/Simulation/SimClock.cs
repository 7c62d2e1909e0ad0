namespace Serverless.Tests.Simulation;

/// <summary>
/// The clock and the only thread of a simulation. Everything that waits is in one queue, ordered by time and, at one instant, by the seed; so the
/// same seed always gives the same order. Code under test comes here by awaiting: this is the synchronization context, and timers are made here.
/// </summary>
sealed class SimClock(Random random) : TimeProvider
{
    private readonly PriorityQueue<Action, (long At, int Order)> waiting = new();
    private readonly int thread = Environment.CurrentManagedThreadId;
    private long now = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero).UtcTicks;

    public DateTimeOffset Now => new(now, TimeSpan.Zero);
    public override DateTimeOffset GetUtcNow() => Now;
    public override long GetTimestamp() => now;
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Timer(this, () => callback(state), dueTime, () => DateTimeOffset.MinValue);

    /// <param name="goesOn">When whoever set the timer goes on: one that is due before waits for that. Null: never.</param>
    public ITimer CreateTimer(Action callback, TimeSpan dueTime, Func<DateTimeOffset?> goesOn) => new Timer(this, callback, dueTime, goesOn);

    /// <summary>Runs the next thing that is due, after moving time on to it; false when nothing will ever happen again.</summary>
    public bool Step()
    {
        if (!waiting.TryDequeue(out var action, out var when)) return false;
        now = Math.Max(now, when.At);
        action();
        return true;
    }

    public void At(DateTimeOffset time, Action action) => waiting.Enqueue(action, (time.UtcTicks, random.Next()));

    public Task Sleep(TimeSpan time)
    {
        var done = new TaskCompletionSource();
        At(Now + time, done.SetResult);
        return done.Task;
    }

    /// <summary>Makes this clock the current synchronization context until disposed.</summary>
    public IDisposable Enter() => new Entered(this);

    private sealed class Context(SimClock clock) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
            if (Environment.CurrentManagedThreadId != clock.thread)
            {
                throw new InvalidOperationException("the simulation left its thread: it would not be deterministic");
            }

            clock.At(clock.Now, () => d(state));
        }

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();
    }

    private sealed class Entered : IDisposable
    {
        private readonly SynchronizationContext? before = SynchronizationContext.Current;

        public Entered(SimClock clock) => SynchronizationContext.SetSynchronizationContext(new Context(clock));

        public void Dispose() => SynchronizationContext.SetSynchronizationContext(before);
    }

    private sealed class Timer : ITimer
    {
        private readonly SimClock clock;
        private readonly Action callback;
        private readonly Func<DateTimeOffset?> goesOn;
        private int version;

        public Timer(SimClock clock, Action callback, TimeSpan due, Func<DateTimeOffset?> goesOn)
        {
            (this.clock, this.callback, this.goesOn) = (clock, callback, goesOn);
            Change(due, Timeout.InfiniteTimeSpan);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var mine = ++version;
            if (dueTime != Timeout.InfiniteTimeSpan) clock.At(clock.Now + dueTime, () => Fire(mine));
            return true;
        }

        public void Dispose() => version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire(int set)
        {
            if (set != version || goesOn() is not { } at) return;
            if (at > clock.Now) clock.At(at, () => Fire(set));
            else callback();
        }
    }
}
