using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Serverless.Checkpoints;
using Serverless.Contract;
using Serverless.Metrics;
using static TorchSharp.torch;

namespace Serverless;

/// <summary>
/// The run that this process executes: its parameters, inputs and seed, and the way out for metrics, checkpoints and artifacts. Outside the platform
/// the same calls work: files go to <c>./runs/{time}-{program}/</c> in the same layout, and metrics
/// are printed. Nothing here touches libtorch before a tensor is needed.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It lives as long as the process.")]
public sealed partial class Run
{
    /// <summary>The exit code of code that was asked to stop, made a checkpoint and left: the run goes on later, from there.</summary>
    public const int StoppedExitCode = 143;

    private static readonly Lazy<Run> TheRun = new(() => new Run(Environment.GetEnvironmentVariable, TimeProvider.System));

    private readonly Func<string, string?> environment;
    private readonly Lazy<string> output;
    private readonly Lazy<Parameters> parameters;
    private readonly Lazy<MetricWriter> metrics;
    private readonly Lazy<CheckpointWriter> checkpoints;
    private readonly StopSignal stop;
    private readonly RunRandom random;

    private Run(Func<string, string?> environment, TimeProvider time)
    {
        this.environment = environment;
        OnPlatform = Variable(ContractNames.Output) is not null;
        Id = Variable(ContractNames.RunId) ?? "local";
        Attempt = int.TryParse(Variable(ContractNames.Attempt), NumberStyles.None, CultureInfo.InvariantCulture, out var attempt) ? attempt : 1;
        Seed = long.TryParse(Variable(ContractNames.Seed), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seed) ? seed : 0;
        Inputs = Path.GetFullPath(Variable(ContractNames.Inputs) ?? ContractNames.Data);
        random = new RunRandom(Seed);
        output = new(() => Variable(ContractNames.Output) ?? LocalOutput(time));
        parameters = new(() => Parameters.Read(Variable(ContractNames.Params), Variable));
        metrics = new(
            () => new MetricWriter(Path.Combine(Output, ContractNames.MetricsBinary), time, OnPlatform ? null : new MetricPrinter(time).Print));
        checkpoints = new(() => new CheckpointWriter(Made(Path.Combine(Output, ContractNames.Checkpoints))));
        stop = new(interactive: !OnPlatform);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => ShutdownAtExit();
        AppDomain.CurrentDomain.UnhandledException += (_, _) => ShutdownAtExit();
    }

    /// <summary>The run of this process.</summary>
    public static Run Current => TheRun.Value;

    /// <summary>The run's id; outside the platform <c>local</c>.</summary>
    public string Id { get; }

    /// <summary>Which try this is, from 1: above 1 after a worker was lost or the run was interrupted.</summary>
    public int Attempt { get; }

    /// <summary>Whether a worker runs this; false on one's own command line.</summary>
    public bool OnPlatform { get; }

    /// <summary>The seed to give every generator, <c>torch.manual_seed(run.Seed)</c> first of all. Outside the platform EXP_SEED, else 0.</summary>
    public long Seed { get; }

    /// <summary>
    /// Where to compute: what the machine class offers; outside the platform EXP_DEVICE, else the GPU when there is one. Loads libtorch.
    /// </summary>
    public Device Device => field ??= device(Variable(ContractNames.Device) ?? (cuda.is_available() ? "cuda:0" : "cpu"));

    /// <summary>A generator seeded by <see cref="Seed"/>; its state is in every checkpoint. One thread at a time.</summary>
    public Random Random => random;

    /// <summary>
    /// Cancelled when the code should make a checkpoint and leave: the run was cancelled, timed
    /// out, or its machine is taken away. See <see cref="Leave"/>.
    /// </summary>
    /// <remarks>Code that never asks for it is ended by the signal at once, with what it logged.</remarks>
    public CancellationToken Stopping => stop.Token;

    /// <summary>Whether <see cref="Stopping"/> is cancelled. Cheap: look once a step.</summary>
    public bool StopRequested => stop.Token.IsCancellationRequested;

    /// <summary>
    /// Writes what is waiting and ends the process with <see cref="StoppedExitCode"/>: the last line after a stop request and a checkpoint.
    /// </summary>
    [DoesNotReturn]
    public void Leave()
    {
        WriteWaiting();
        Environment.Exit(StoppedExitCode);
        throw new UnreachableException();
    }

    /// <summary>
    /// Takes a value; 10s of nanoseconds, from any thread. It is written within 50 ms by another
    /// thread. Values are never dropped, and NaN and infinities are values.
    /// </summary>
    /// <param name="name">What is measured; parts separated by '/': <c>train/loss</c>. Of one longer than 256 UTF-8 bytes the beginning is kept, and
    /// a hash that tells it from others.</param>
    /// <param name="value">The value. For a tensor on a GPU, <c>item()</c> is a sync point: ask every so many steps.</param>
    /// <param name="step">Where on the x axis. Points of one metric stay in the order of logging.</param>
    /// <exception cref="IOException">A million values are waiting and cannot be written.</exception>
    public void Log(string name, double value, long step) => metrics.Value.Log(name, value, step);

    /// <summary>
    /// Waits until metrics and checkpoints are written. May be called again, and more may be logged afterwards. The worker calls it when the code
    /// returns; elsewhere it runs when the process exits.
    /// </summary>
    /// <exception cref="CheckpointException">A checkpoint could not be written.</exception>
    /// <exception cref="IOException">Metrics could not be written.</exception>
    public static void Shutdown()
    {
        if (TheRun.IsValueCreated) TheRun.Value.WriteWaiting();
    }

    private void WriteWaiting()
    {
        try
        {
            if (checkpoints.IsValueCreated) checkpoints.Value.Wait();
        }
        finally
        {
            if (metrics.IsValueCreated) metrics.Value.Flush(last: true);
        }
    }

    private static void ShutdownAtExit()
    {
        try
        {
            Shutdown();
        }
        catch (IOException e)
        {
            Console.Error.WriteLine(e.Message);
            if (Environment.ExitCode == 0) Environment.ExitCode = 1;
        }
    }

    private static string LocalOutput(TimeProvider time)
    {
        var program = Assembly.GetEntryAssembly()?.GetName().Name ?? "run";
        var name = string.Create(CultureInfo.InvariantCulture, $"{time.GetLocalNow():yyyyMMdd-HHmmss}-{program}");
        var folder = Path.GetFullPath(Path.Combine("runs", name));
        for (var i = 2; Directory.Exists(folder); i++) folder = Path.GetFullPath(Path.Combine("runs", $"{name}-{i}"));
        Directory.CreateDirectory(folder);
        Console.WriteLine($"writing to {Path.GetRelativePath(Environment.CurrentDirectory, folder)}");
        return folder;
    }

    private static string Made(string folder)
    {
        Directory.CreateDirectory(folder);
        return folder;
    }

    // Set but empty is the same as absent: a shell cannot easily unset for one command.
    private string? Variable(string name) => environment(name) is { Length: > 0 } value ? value : null;
}
