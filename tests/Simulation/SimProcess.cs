using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.Tests.Simulation;

/// <summary>How often what goes wrong at a call. Each seed has its own.</summary>
sealed record Faults(
    double Refused, double AnswerLost, double AppliedLater, double AppliedTwice, double Slow, double Freeze, double Die, double CutOff)
{
    public static Faults None { get; } = new(0, 0, 0, 0, 0, 0, 0, 0);

    public static Faults Draw(Random random)
    {
        return new(Rate(0.1), Rate(0.1), Rate(0.05), Rate(0.05), Rate(0.05), Rate(0.02), Rate(0.01), Rate(0.01));

        // A third of the seeds is spared each kind of fault, so that the others have it to themselves.
        double Rate(double most) => random.Next(3) == 0 ? 0 : most * random.NextDouble();
    }
}

/// <summary>One process. It may be frozen, cut off from store and bus, or killed whenever it calls one of them; all of its tasks together.</summary>
sealed class SimProcess(SimWorld world, string name)
{
    private static readonly Task Never = new TaskCompletionSource().Task;
    private DateTimeOffset frozenUntil;
    private DateTimeOffset cutOffUntil;

    public string Name => name;
    public bool Dead { get; private set; }

    /// <summary>Runs when the process is killed.</summary>
    public Action? Died { get; set; }

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

    /// <summary>A call of the store or the bus, with everything that can happen to it.</summary>
    public async Task<T> Call<T>(string what, Func<Task<T>> apply)
    {
        Suffer();
        await Live();
        await Sleep(Latency());
        var faults = world.Faults;
        var fate = Random.NextDouble();
        if (world.Clock.Now < cutOffUntil || (fate -= faults.Refused) < 0) throw Unavailable(what, "refused");
        if ((fate -= faults.AppliedLater) < 0)
        {
            world.Clock.At(world.Clock.Now + Seconds(30), () => Spawn(() => Applied(what + " (late)", apply)));
            throw Unavailable(what, "on its way");
        }

        if ((fate -= faults.AppliedTwice) < 0) await Applied(what + " (once)", apply);
        var answer = await Applied(what, apply);
        await Sleep(Latency());
        Suffer();
        await Live();
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

    private TimeSpan Latency() => Seconds(Random.NextDouble() < world.Faults.Slow ? 10 : 0.05);

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
        return what.StartsWith("bus", StringComparison.Ordinal) ? new BusUnavailableException(how) : new StoreUnavailableException(how);
    }

    private void Suffer()
    {
        var faults = world.Faults;
        if (Dead) return;
        if (Random.NextDouble() < faults.Die)
        {
            world.Note(name, "dies");
            Dead = true;
            Died?.Invoke();
        }
        else if (Random.NextDouble() < faults.Freeze)
        {
            frozenUntil = world.Clock.Now + Seconds(3 * world.LeaseLength.TotalSeconds);
            world.Note(name, "freezes");
        }
        else if (Random.NextDouble() < faults.CutOff)
        {
            cutOffUntil = world.Clock.Now + Seconds(3 * world.LeaseLength.TotalSeconds);
            world.Note(name, "is cut off");
        }
    }

    private async Task Live()
    {
        if (Dead) await Never;
        while (world.Clock.Now < frozenUntil) await world.Clock.Sleep(frozenUntil - world.Clock.Now);
        if (Dead) await Never;
    }
}
