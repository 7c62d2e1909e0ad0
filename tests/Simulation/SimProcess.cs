using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.Tests.Simulation;

/// <summary>How often what goes wrong at a call. Each seed has its own.</summary>
sealed record Faults(
    double Refused, double AnswerLost, double AppliedLater, double AppliedTwice, double Slow, double Freeze, double Die, double CutOff, double Leave)
{
    public static Faults None { get; } = new(0, 0, 0, 0, 0, 0, 0, 0, 0);

    public static Faults Draw(Random random)
    {
        return new(Rate(0.1), Rate(0.1), Rate(0.05), Rate(0.05), Rate(0.05), Rate(0.02), Rate(0.01), Rate(0.01), Rate(0.01));

        // A third of the seeds is spared each kind of fault, so that the others have it to themselves.
        double Rate(double most) => random.Next(3) == 0 ? 0 : most * random.NextDouble();
    }
}

/// <summary>
/// One process. It may be frozen, cut off from store and bus, asked to leave, or killed whenever it calls one of them; all of its tasks together.
/// </summary>
sealed class SimProcess(SimWorld world, string name)
{
    /// <summary>How every message begins that says that store or bus did not answer.</summary>
    public const string Unreachable = "not reached: ";

    private readonly TaskCompletionSource never = new();
    private DateTimeOffset frozenUntil;
    private DateTimeOffset cutOffUntil;

    public string Name => name;
    public bool Dead { get; private set; }

    /// <summary>Its clock. Its timers wait while it is frozen, and are gone with it.</summary>
    public TimeProvider Time => field ??= new SimTime(world.Clock, () => Dead ? null : frozenUntil);

    /// <summary>Runs when the process is killed, or has left.</summary>
    public Action? Died { get; set; }

    /// <summary>Asks it to leave. Null: it is not one that can be asked.</summary>
    public Action? Leave { get; set; }

    public bool IsLeaving { get; set; }

    /// <summary>When something last went wrong for it, or will have; what it was kept from until then is not its fault.</summary>
    public DateTimeOffset Troubled { get; private set; }

    /// <summary>When it read that the attempt at hand was replaced.</summary>
    public DateTimeOffset? Replaced { get; set; }

    /// <summary>The next record of a run that it reads is no record.</summary>
    public bool ReadsGarbage { get; set; }

    private Random Random => world.Random;

    /// <summary>Starts one of the process' tasks.</summary>
    public async void Spawn(Func<Task> task)
    {
        try
        {
            await task();
        }
        catch (Exception e)
        {
            world.Break($"{name} threw {e}");
        }
    }

    public async Task Sleep(TimeSpan time)
    {
        await world.Clock.Sleep(time);
        await Live();
    }

    /// <summary>The end of it, of its own will.</summary>
    public void Exit()
    {
        world.Note(name, "has left");
        End();
    }

    /// <summary>A call of the store or the bus, with everything that can happen to it.</summary>
    /// <param name="waits">It waits at the other side, until cancelled; any other one that has left is not called back.</param>
    public async Task<T> Call<T>(string what, Func<CancellationToken, Task<T>> apply, CancellationToken cancel, bool waits = false)
    {
        cancel.ThrowIfCancellationRequested();
        Suffer();
        await Live();
        await Sleep(Latency());
        cancel.ThrowIfCancellationRequested();
        var faults = world.Faults;
        var fate = Random.NextDouble();
        if (world.Clock.Now < cutOffUntil || (fate -= faults.Refused) < 0) throw Unavailable(what, "refused");
        if ((fate -= faults.AppliedLater) < 0)
        {
            world.Clock.At(world.Clock.Now + Seconds(30), () => Spawn(() => Applied(what + " (late)", () => apply(CancellationToken.None))));
            throw Unavailable(what, "on its way");
        }

        if ((fate -= faults.AppliedTwice) < 0) await Applied(what + " (once)", () => apply(waits ? cancel : CancellationToken.None));
        var answer = await Applied(what, () => apply(waits ? cancel : CancellationToken.None));
        await Sleep(Latency());
        Suffer();
        await Live();
        cancel.ThrowIfCancellationRequested();
        if (fate < 0 || (fate -= faults.AnswerLost) >= 0) return answer;
        throw Unavailable(what, "answer lost");
    }

    /// <summary>Repeats a call until it is answered, as everything that must be done is.</summary>
    public async Task<T> Retry<T>(Func<Task<T>> call)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (IOException e) when (e is StoreUnavailableException or BusUnavailableException)
            {
                await Sleep(Seconds(2));
            }
        }
    }

    public Task Retry(Func<Task> call) => Retry(async () =>
    {
        await call();
        return true;
    });

    public TimeSpan Seconds(double most) => TimeSpan.FromMilliseconds(Math.Ceiling(Random.NextDouble() * most * 1000));

    private TimeSpan Latency()
    {
        if (Random.NextDouble() >= world.Faults.Slow) return Seconds(0.05);
        var latency = Seconds(10);
        HasTrouble(world.Clock.Now + latency);
        return latency;
    }

    private async Task<T> Applied<T>(string what, Func<Task<T>> apply)
    {
        world.Note(name, what);
        world.Writer = this;
        var answer = await apply();
        return answer;
    }

    private Exception Unavailable(string what, string how)
    {
        world.Note(name, $"{what}: {how}");
        HasTrouble(world.Clock.Now);
        return what.StartsWith("bus", StringComparison.Ordinal) ? new BusUnavailableException(Unreachable + how)
            : new StoreUnavailableException(Unreachable + how);
    }

    private void Suffer()
    {
        var faults = world.Faults;
        if (Dead) return;
        if (Random.NextDouble() < faults.Die)
        {
            world.Note(name, "dies");
            End();
        }
        else if (Random.NextDouble() < faults.Freeze)
        {
            frozenUntil = world.Clock.Now + Seconds(3 * world.LeaseLength.TotalSeconds);
            HasTrouble(frozenUntil);
            world.Note(name, "freezes");
        }
        else if (Random.NextDouble() < faults.CutOff)
        {
            cutOffUntil = world.Clock.Now + Seconds(3 * world.LeaseLength.TotalSeconds);
            HasTrouble(cutOffUntil);
            world.Note(name, "is cut off");
        }
        else if (Leave is not null && Random.NextDouble() < faults.Leave)
        {
            world.Note(name, "is asked to leave");
            Spawn(async () =>
            {
                await Sleep(TimeSpan.Zero);
                Leave();
            });
        }
    }

    private void HasTrouble(DateTimeOffset until)
    {
        if (until > Troubled) Troubled = until;
    }

    private void End()
    {
        Dead = true;
        Died?.Invoke();
    }

    private async Task Live()
    {
        if (Dead) await never.Task;
        while (world.Clock.Now < frozenUntil) await world.Clock.Sleep(frozenUntil - world.Clock.Now);
        if (Dead) await never.Task;
    }
}

/// <summary>The clock as one process has it.</summary>
/// <param name="goesOn">When it goes on; null: it is dead.</param>
sealed class SimTime(SimClock clock, Func<DateTimeOffset?> goesOn) : TimeProvider
{
    public override long TimestampFrequency => clock.TimestampFrequency;
    public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();
    public override long GetTimestamp() => clock.GetTimestamp();
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        clock.CreateTimer(() => callback(state), dueTime, goesOn);
}
