using System.Collections.Concurrent;
using System.ComponentModel;
using Microsoft.Extensions.Logging;
using Serverless.GpuWorker.Agent;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Runners that wait for their assignment, so that a run does not pay for the start of .NET or the loading of libtorch. Two kinds, because a run
/// without libtorch should not pay for it either, not even in advance.
/// </summary>
/// <param name="size">How many of each kind wait; 0: every run starts its own, and so does one whose code runs as another user.</param>
/// <param name="environment">What runners are started with.</param>
/// <param name="user">Whom runners run as; null: as this process does.</param>
/// <param name="groups">Of each a runner gets one. Null: there are none here.</param>
sealed class RunnerPool(int size, IReadOnlyDictionary<string, string> environment, CodeUser? user, ControlGroups? groups, ILogger log)
    : IDisposable
{
    // What native libraries and the runtime read once, when the process starts.
    private static readonly string[] ReadAtStart =
    [
        "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "ATEN_", "TORCH", "PYTORCH_", "CUDA", "CUBLAS_", "CUDNN_", "NVIDIA_", "NCCL_",
        "LD_", "DYLD_", "DOTNET_", "COMPlus_", "CORECLR_", "MALLOC_", "GLIBC_", "LC_", "LANG", "TZ", "PATH",
    ];

    // As another user, none waits: the code of one run could stop, trace and change the runner of the next, which that user owns as well.
    private readonly int size = user is null ? size : 0;

    private readonly ConcurrentDictionary<RunnerKind, ConcurrentQueue<RunnerProcess>> waiting = new();
    private readonly Lock gate = new();
    private readonly FailureReporter trouble = new("starting a spare runner", log);
    private bool closed;

    /// <exception cref="RunnerStartException">There is none, and none can be started.</exception>
    public RunnerProcess Take(RunnerKind temperature)
    {
        var spares = Spares(temperature);
        while (spares.TryDequeue(out var spare))
        {
            if (!spare.HasExited) return spare;
            spare.Dispose();
        }

        try
        {
            return RunnerProcess.Start(RunnerKind.Plain, environment, user, groups);
        }
        catch (Win32Exception refused)
        {
            throw new RunnerStartException(refused);
        }
    }

    /// <summary>Starts the spares that are missing, as far as the machine lets it: a run that finds none starts its own.</summary>
    public void Refill(RunnerKind temperature)
    {
        lock (gate)
        {
            var spares = Spares(temperature);
            try
            {
                while (!closed && spares.Count < size) spares.Enqueue(RunnerProcess.Start(temperature, environment, user, groups));
                trouble.Recovered();
            }
            catch (Exception refused)
            {
                trouble.Failed(refused);
            }
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

    /// <summary>Whether a process that has started would not see a change of this variable any more.</summary>
    public static bool MustBeSetBeforeStart(string name) => ReadAtStart.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    private ConcurrentQueue<RunnerProcess> Spares(RunnerKind temperature) => waiting.GetOrAdd(temperature, _ => new());
}

/// <summary>The machine has no process or no memory left to start a runner with: no fault of the run that needs it.</summary>
sealed class RunnerStartException(Win32Exception refused) : Exception($"this worker's machine could not start a process: {refused.Message}", refused);
