namespace Serverless.Tests.Simulation;

/// <summary>Tries one seed after another, on all cores, until one breaks a law.</summary>
sealed class SimSearch(int from)
{
    private readonly Lock gate = new();
    private int begun;
    private int tried;

    public int From => from;
    public int Tried => tried;

    /// <summary>The seed that broke a law, and how; null: none did.</summary>
    public (int Seed, string Broken)? Failure { get; private set; }

    /// <summary>Returns at the first failure, or when cancelled.</summary>
    public void Run(CancellationToken over)
    {
        // A simulation keeps to the thread that it begins on.
        var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() => Try(over))).ToList();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
    }

    private void Try(CancellationToken over)
    {
        while (!over.IsCancellationRequested && Failure is null)
        {
            var seed = from + Interlocked.Increment(ref begun) - 1;
            var (broken, _) = SimWorld.Run(seed);
            Interlocked.Increment(ref tried);
            if (broken is null) continue;
            lock (gate)
            {
                if (Failure is null || seed < Failure.Value.Seed) Failure = (seed, broken);
            }
        }
    }
}
