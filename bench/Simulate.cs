using System.Globalization;
using Serverless.Tests.Simulation;

namespace Serverless.Bench;

/// <summary>The simulation of the tests, for as long as one likes: seeds that nobody has tried, or one seed with everything that happens.</summary>
static class Simulate
{
    private const string Again = "dotnet run -c Release --project bench -- simulate";
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(30);

    public static string Usage => $"{Again} [--minutes N] [--seed N]";

    /// <returns>0: no law was broken; 1: one was; 2: the arguments are wrong.</returns>
    public static int Run(string[] args, TimeProvider time)
    {
        double? minutes = null;
        int? seed = null;
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            if (args[i] == "--seed" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) seed = number;
            else if (args[i] == "--minutes" && double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var length)
                && length > 0) minutes = length;
            else return Wrong();
        }

        return seed is { } one && minutes is null
            ? Show(one)
            : Search(TimeSpan.FromMinutes(minutes ?? 1), seed ?? (int)(time.GetUtcNow().Ticks >> 8 & 0x3FFFFFFF), time);
    }

    private static int Wrong()
    {
        Console.Error.WriteLine(
            $"usage: {Usage}\n  --minutes  how long to try seeds [1]\n  --seed     without --minutes: this seed alone, with all that happens; with " +
            "it: the first seed");
        return 2;
    }

    private static int Show(int seed)
    {
        var (broken, trace) = SimWorld.Run(seed, traced: true);
        foreach (var line in trace) Console.WriteLine(line);
        Console.WriteLine(broken is null ? $"seed {seed}: no law was broken" : $"seed {seed}: {broken}");
        return broken is null ? 0 : 1;
    }

    private static int Search(TimeSpan length, int from, TimeProvider time)
    {
        using var over = new CancellationTokenSource(length, time);
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            over.Cancel();
        };
        var search = new SimSearch(from);
        using (time.CreateTimer(_ => Console.Error.WriteLine($"  {search.Tried:#,0} seeds from {from}"), null, SayEvery, SayEvery))
        {
            search.Run(over.Token);
        }

        if (search.Failure is not { } failure)
        {
            Console.WriteLine($"{search.Tried:#,0} seeds from {from}: no law was broken");
            return 0;
        }

        Console.WriteLine($"seed {failure.Seed}: {failure.Broken}\nAgain, with all that happens: {Again} --seed {failure.Seed}");
        return 1;
    }
}
