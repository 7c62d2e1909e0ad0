using System.ComponentModel;
using System.Globalization;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.Extensions.Logging;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Agent;
using Serverless.GpuWorker.Compile;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Compiles in a process of its own, which stays warm from one run to the next. What takes too long, too much memory or too much stack costs that
/// process, and the next run gets another one.
/// </summary>
/// <param name="environment">What the process is started with; nothing of a run's, and nothing secret.</param>
sealed class Compiler(IReadOnlyDictionary<string, string> environment, TimeProvider time, ILogger log) : IDisposable
{
    /// <summary>Of the compiler's heap. A program of 20,000 statements takes a tenth of it.</summary>
    public static readonly long MemoryBytes = Math.Min(2L << 30, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);

    /// <summary>A program of 20,000 statements takes seconds.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, string> environment = new(environment)
    {
        ["DOTNET_GCHeapHardLimit"] = MemoryBytes.ToString("X", CultureInfo.InvariantCulture),
        ["DOTNET_TieredPGO"] = "0",
    };

    private readonly Lock gate = new();
    private readonly FailureReporter trouble = new("starting a compiler", log);
    private CompilerProcess? spare;
    private bool closed;

    /// <summary>Whatever makes the same source compile to something else, for keys of caches.</summary>
    public static string Identity { get; } = $"{typeof(CSharpCompilation).Assembly.ManifestModule.ModuleVersionId:N}-{CompileReferences.Identity}";

    /// <summary>Starts the process in advance, as far as the machine lets it: a run that finds none starts its own.</summary>
    public void Warm()
    {
        lock (gate)
        {
            if (closed || spare is not null) return;
            try
            {
                spare = CompilerProcess.Start(environment, warm: true);
                trouble.Recovered();
            }
            catch (Exception refused)
            {
                trouble.Failed(refused);
            }
        }
    }

    /// <param name="timeout">The run's. Null: <see cref="Longest"/> alone.</param>
    /// <param name="log">Takes every error, a line each.</param>
    /// <exception cref="PreparationException">The code does not compile, or not within its bounds; the message tells its people why.</exception>
    /// <exception cref="RunnerStartException">There is no process, and none can be started.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing writes to the folder any more.</exception>
    public async Task Compile(CompileRequest request, TimeSpan? timeout, Action<string> log, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var limit = timeout < Longest ? timeout.Value : Longest;
        var process = Take();
        var isUsable = false;
        try
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var answered = process.Compile(request, log);
            await Task.WhenAny(answered, Task.Delay(limit, time, over.Token));
            var isLate = !answered.IsCompleted;
            await over.CancelAsync();
            if (isLate) process.Kill();
            var answer = await answered;
            isUsable = !isLate && answer.Kind is CompileAnswer.Kinds.Compiled or CompileAnswer.Kinds.Failed;
            cancel.ThrowIfCancellationRequested();
            if (isLate) throw TooLong(request, timeout, log);
            if (answer.Kind is not CompileAnswer.Kinds.Compiled) throw Failure(request, answer, log);
        }
        finally
        {
            if (isUsable) Return(process);
            else Replace(process);
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            closed = true;
            spare?.Dispose();
            spare = null;
        }
    }

    private CompilerProcess Take()
    {
        lock (gate)
        {
            var taken = spare;
            spare = null;
            if (taken is { HasExited: false }) return taken;
            taken?.Dispose();
        }

        try
        {
            return CompilerProcess.Start(environment, warm: false);
        }
        catch (Win32Exception refused)
        {
            throw new RunnerStartException(refused);
        }
    }

    private void Return(CompilerProcess process)
    {
        lock (gate)
        {
            if (!closed && spare is null) spare = process;
            else process.Dispose();
        }
    }

    private void Replace(CompilerProcess process)
    {
        process.Dispose();
        Warm();
    }

    private static PreparationException TooLong(CompileRequest request, TimeSpan? timeout, Action<string> log)
    {
        if (timeout < Longest) return new(Cause.Timeout, $"compiling {request.Entry}: ran longer than its timeout of {timeout}");
        return Unbuilt($"{request.Entry} did not compile within {Longest.TotalMinutes:0} minutes; simplify what the compiler has to infer, "
            + "such as lambdas inside lambdas that are passed to overloaded methods", log);
    }

    private static Exception Failure(CompileRequest request, CompileAnswer answer, Action<string> log) => answer.Kind switch
    {
        CompileAnswer.Kinds.Failed => new PreparationException(Cause.Build, answer.Text),
        CompileAnswer.Kinds.Crashed => Unbuilt($"the compiler crashed on {request.Entry} or a file that belongs to it ({answer.Text.TrimEnd('.')}); "
            + "make types and expressions less deeply nested", log),
        CompileAnswer.Kinds.OutOfMemory => new PreparationException(Cause.OutOfMemory,
            $"compiling {request.Entry} takes more than {MemoryBytes >> 20} MiB of memory; make constants and generated code smaller"),
        CompileAnswer.Kinds.DiskFull => new IOException(answer.Text, Native.NoSpaceLeft),
        _ => new IOException(answer.Text),
    };

    // The compiler has told of no error that the log would have.
    private static PreparationException Unbuilt(string message, Action<string> log)
    {
        log(message);
        return new(Cause.Build, message);
    }
}
