using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Serverless.Contract;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Runner;

/// <summary>Executes a compiled C# program inside this process, as its main program.</summary>
static class CSharpCode
{
    public const int ExitCodeOfAnException = 1;

    public static int Execute(string path, string[] arguments, ControlChannel channel)
    {
        AppDomain.CurrentDomain.UnhandledException += (_, failed) => channel.Report(Describe((Exception)failed.ExceptionObject));

        // The default context: the program finds the SDK, TorchSharp and ML.NET where the runner has them, and this process is used for one run only.
        var program = AssemblyLoadContext.Default.LoadFromAssemblyPath(path);
        Assembly.SetEntryAssembly(program);
        var entry = program.EntryPoint ?? throw new BadImageFormatException($"{Path.GetFileName(path)} has no entry point");
        try
        {
            if (program.GetReferencedAssemblies().Any(assembly => assembly.Name == "TorchSharp")) Seed();
            channel.Begin();
            OrphanReaper.ReapWhatStaysDead();
            ProcessLimit.KeepHalfOfTheReserve();
            var code = Invoke(entry, arguments);
            if (UsesSdk()) Shutdown();
            SkipDestructors();
            return code;
        }
        catch (Exception exception)
        {
            Console.Out.Flush();
            Console.Error.WriteLine($"Unhandled exception. {Trimmed(exception)}");
            channel.Report(Describe(exception));
            FinishAfterFailure();
            SkipDestructors();
            return ExitCodeOfAnException;
        }
    }

    // libtorch takes 140 ms of CPU time to take itself apart, for nothing. Registered last, this comes after every handler of the code's own, and
    // after
    // its other foreground threads.
    private static void SkipDestructors() =>
        AppDomain.CurrentDomain.ProcessExit += static (_, _) => Native.ExitWithoutDestructors(Environment.ExitCode);

    // Delegates instead of reflection: the exception arrives as it was thrown. The compiler makes asynchronous entry points synchronous ones.
    private static int Invoke(MethodInfo entry, string[] arguments)
    {
        var takesArguments = entry.GetParameters().Length > 0;
        if (entry.ReturnType == typeof(int)) return takesArguments ? entry.CreateDelegate<Func<string[], int>>()(arguments)
            : entry.CreateDelegate<Func<int>>()();
        if (takesArguments) entry.CreateDelegate<Action<string[]>>()(arguments);
        else entry.CreateDelegate<Action>()();
        return Environment.ExitCode;
    }

    // libtorch seeds its generator by chance; a run is a function of its spec, so the spec's seed counts also for code that never says manual_seed.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Seed()
    {
        if (long.TryParse(
            Environment.GetEnvironmentVariable(ContractNames.Seed), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seed))
        {
            TorchSharp.torch.manual_seed(seed);
        }
    }

    private static bool UsesSdk() => AppDomain.CurrentDomain.GetAssemblies().Any(assembly => assembly.GetName().Name == "Serverless.Sdk");

    // Not inlined: naming the SDK loads it, and TorchSharp with it, also for code that uses neither.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Shutdown() => Run.Shutdown();

    // What was logged before the exception is worth keeping; a second failure must not hide the first.
    private static void FinishAfterFailure()
    {
        try
        {
            if (UsesSdk()) Shutdown();
        }
        catch (Exception second)
        {
            Console.Error.WriteLine($"While ending after that: {second.Message}");
        }
    }

    private static string Trimmed(Exception exception)
    {
        var lines = exception.ToString().Split('\n');
        var ours = Array.FindIndex(lines, line => line.Contains(" at Serverless.GpuWorker.", StringComparison.Ordinal));
        return string.Join('\n', ours < 0 ? lines : lines.Take(ours)).TrimEnd();
    }

    private static RunnerReport Describe(Exception exception)
    {
        var cause = exception is AggregateException { InnerExceptions: [var only] } ? only : exception;
        while (cause is TargetInvocationException or TypeInitializationException && cause.InnerException is { } inner) cause = inner;
        var kind = cause switch
        {
            OutOfMemoryException => RunnerReport.FailureKind.OutOfMemory,
            IOException { HResult: Native.NoSpaceLeft } => RunnerReport.FailureKind.DiskFull,
            // libtorch speaks through messages only.
            _ when cause.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
                || cause.Message.Contains("can't allocate memory", StringComparison.Ordinal) => RunnerReport.FailureKind.OutOfMemory,
            _ => RunnerReport.FailureKind.Exception,
        };
        var place = new System.Diagnostics.StackTrace(cause, fNeedFileInfo: true).GetFrames().FirstOrDefault(frame => frame.GetFileLineNumber() > 0);
        var where = place is null ? "" : $" ({Path.GetFileName(place.GetFileName())}:{place.GetFileLineNumber()})";
        return new(kind, $"{cause.GetType().Name}: {FirstLine(cause.Message)}{where}");
    }

    private static string FirstLine(string text) =>
        text.AsSpan().Trim().IndexOf('\n') is >= 0 and var end ? text.Trim()[..end].TrimEnd() : text.Trim();
}
