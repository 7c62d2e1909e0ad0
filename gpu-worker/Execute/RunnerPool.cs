using System.Collections.Concurrent;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Runners that wait for their assignment, so that a run does not pay for the start of .NET or the loading of libtorch. Two kinds, because a run
/// without libtorch should not pay for it either, not even in advance.
/// </summary>
/// <param name="size">How many of each kind wait; 0: every run starts its own.</param>
/// <param name="environment">What spares are started with.</param>
/// <param name="user">Whom runners run as; null: as this process does.</param>
sealed class RunnerPool(int size, IReadOnlyDictionary<string, string> environment, CodeUser? user) : IDisposable
{
    // What native libraries and the runtime read once, when the process starts.
    private static readonly string[] ReadAtStart =
    [
        "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "ATEN_", "TORCH", "PYTORCH_", "CUDA", "CUBLAS_", "CUDNN_", "NVIDIA_", "NCCL_",
        "LD_", "DYLD_", "DOTNET_", "COMPlus_", "CORECLR_", "MALLOC_", "GLIBC_", "LC_", "LANG", "TZ", "PATH",
    ];

    private readonly ConcurrentDictionary<Temperature, ConcurrentQueue<RunnerProcess>> waiting = new();
    private readonly Lock gate = new();
    private bool closed;

    /// <param name="own">The run's own variables (of its spec); one that a started process would not see any more makes it start afresh.</param>
    /// <param name="whole">Its whole environment.</param>
    public RunnerProcess Take(Temperature temperature, IEnumerable<string> own, IReadOnlyDictionary<string, string> whole)
    {
        if (!own.Any(MustBeSetBeforeStart))
        {
            var spares = Spares(temperature);
            while (spares.TryDequeue(out var spare))
            {
                if (!spare.HasExited) return spare;
                spare.Dispose();
            }
        }

        return RunnerProcess.Start(Temperature.Plain, whole, user);
    }

    /// <summary>Starts the spares that are missing.</summary>
    public void Refill(Temperature temperature)
    {
        lock (gate)
        {
            if (closed) return;
            var spares = Spares(temperature);
            while (spares.Count < size) spares.Enqueue(RunnerProcess.Start(temperature, environment, user));
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            closed = true;
            foreach (var spare in waiting.Values.SelectMany(spares => spares)) spare.Dispose();
        }
    }

    public static bool MustBeSetBeforeStart(string name) => ReadAtStart.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    private ConcurrentQueue<RunnerProcess> Spares(Temperature temperature) => waiting.GetOrAdd(temperature, _ => new());
}
