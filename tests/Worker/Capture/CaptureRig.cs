using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker.Capture;

/// <summary>What a worker makes of what code prints and writes, without a worker and without code.</summary>
sealed class CaptureRig : IDisposable
{
    public const long LogLimit = 1 << 20;

    private readonly TemporaryFolder root = new();
    private readonly WorkFolder folder;
    private readonly PrintedPoints printed;

    /// <param name="patience">The store is away when nothing was taken for so long; null: as it is for all.</param>
    public CaptureRig(IObjectStore? store = null, long logLimit = LogLimit, TimeSpan? patience = null)
    {
        Store = store ?? new MemoryObjectStore(Time);
        folder = new WorkFolder(new(root.Path), root["work"], NullLogger.Instance).Emptied();
        printed = new(Time, patience);
        var retry = new Retry(Time, NullLogger.Instance);
        Log = new(new(Store, segment => WorkspacePaths.LogSegment(Run.Id, 1, segment), retry), printed, Time, logLimit);
        Metrics = new(
            folder, new(Store, segment => WorkspacePaths.MetricsSegment(Run.Id, 1, segment), retry), Log, printed, Time, MetricOrder.Of(Run.Spec));
    }

    public SettableClock Time { get; } = new(SampleRuns.Noon);
    public RunRecord Run { get; } = SampleRuns.Run(attempts: SampleRuns.Attempt(1));
    public IObjectStore Store { get; }
    public LogCollector Log { get; }
    public MetricCollector Metrics { get; }

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public CaptureRig Prints(string text) => Prints(Bytes(text));

    public CaptureRig Prints(ReadOnlySpan<byte> bytes)
    {
        Log.Write(bytes);
        return this;
    }

    public CaptureRig Writes(string text) => Writes(ContractNames.MetricsJsonl, Bytes(text));

    public CaptureRig Writes(string name, byte[] bytes)
    {
        using var file = new FileStream(Path.Combine(folder.Output, name), FileMode.Append);
        file.Write(bytes);
        return this;
    }

    /// <summary>Adds to a file in the folder that the code works in.</summary>
    public CaptureRig Logs(string path, ReadOnlySpan<byte> bytes)
    {
        var file = Path.Combine(folder.Code, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        using var content = new FileStream(file, FileMode.Append);
        content.Write(bytes);
        return this;
    }

    public CaptureRig Logs(string path, string text) => Logs(path, Bytes(text));

    public CaptureRig Moves(string from, string to)
    {
        File.Move(Path.Combine(folder.Code, from), Path.Combine(folder.Code, to));
        return this;
    }

    public void Removes(string path) => File.Delete(Path.Combine(folder.Code, path));

    /// <summary>Opens <c>metrics.jsonl</c> to write all of it again.</summary>
    public CaptureRig Rewrites(string text)
    {
        File.WriteAllText(folder.MetricsJsonl, text);
        return this;
    }

    /// <summary>Writes another file, and gives it the name.</summary>
    public CaptureRig Replaces(string text)
    {
        File.WriteAllText(folder.MetricsJsonl + ".new", text);
        File.Move(folder.MetricsJsonl + ".new", folder.MetricsJsonl, overwrite: true);
        return this;
    }

    /// <summary>What the worker does every second.</summary>
    public async Task<CaptureRig> Collects()
    {
        Time.Advance(TimeSpan.FromSeconds(1.1));
        await Metrics.Collect(atEnd: false, CancellationToken.None);
        await Log.Flush(CancellationToken.None);
        return this;
    }

    /// <summary>The code has ended.</summary>
    public async Task<CaptureRig> Ends()
    {
        Log.Close();
        await Metrics.Collect(atEnd: true, CancellationToken.None);
        await Log.Flush(CancellationToken.None);
        return this;
    }

    public async Task<List<MetricPoint>> Points()
    {
        var points = new List<MetricPoint>();
        for (var segment = 0; await Store.Get(WorkspacePaths.MetricsSegment(Run.Id, 1, segment)) is { } read; segment++)
        {
            new MetricStreamReader().Read(read.Body, points);
        }

        return points;
    }

    /// <summary>Points as <c>name@step=value</c>, in their order.</summary>
    public async Task<string> Curves() =>
        string.Join(" ", (await Points()).Select(point => FormattableString.Invariant($"{point.Name}@{point.Step}={point.Value}")));

    public async Task<byte[]> LogBytes()
    {
        var all = new MemoryStream();
        for (var segment = 0; await Store.Get(WorkspacePaths.LogSegment(Run.Id, 1, segment)) is { } read; segment++) all.Write(read.Body);
        return all.ToArray();
    }

    public async Task<string> LogText() => Encoding.UTF8.GetString(await LogBytes());

    public void Dispose()
    {
        Metrics.Dispose();
        Log.Dispose();
        folder.Dispose();
        root.Dispose();
    }
}
