using System.Diagnostics;
using System.Globalization;
using System.Text;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Code;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Support;

/// <summary>
/// A data folder with real workers on it, and everything around them but HTTP: submissions
/// go in at the front, records, logs and metrics are read back.
/// </summary>
sealed class WorkerRig : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly List<WorkerProcess> workers = [];
    private readonly bool removesFolder;

    /// <param name="folder">The data folder of a platform that is there already. Null: one of its own.</param>
    public WorkerRig(string? folder = null)
    {
        removesFolder = folder is null;
        Folder = folder ?? Directory.CreateTempSubdirectory("worker-rig-").FullName;
        var ids = new SystemIds(TimeProvider.System);
        Store = new LocalWorkspaces(Folder, TimeProvider.System).Open(LocalWorkspaces.Default);
        Bus = new(Path.Combine(Folder, "bus", "bus.db"), TimeProvider.System, ids);
        Queue = new(LocalWorkspaces.Default, Store, Bus, ids);
        Runs = new(Store);
        Submission = new(LocalWorkspaces.Default, Store, Bus, ids, new());
    }

    public string Folder { get; }
    public IObjectStore Store { get; }
    public SqliteMessageBus Bus { get; }
    public RunQueue Queue { get; }
    public RunStore Runs { get; }
    public Submission Submission { get; }

    /// <summary>The folder that people see: files put here by hand are in the workspace.</summary>
    public string WorkspaceFolder => Path.Combine(Folder, LocalWorkspaces.Default);

    /// <summary>The worker's program; null: where it was built.</summary>
    public string? Program { get; set; }

    public async Task<WorkerProcess> StartWorker(string id = "w1", TimeSpan? lease = null, int spares = 0, params string[] more)
    {
        var worker = new WorkerProcess(Folder, id, lease ?? TimeSpan.FromSeconds(30), spares, more, Program);
        lock (workers) workers.Add(worker);
        await worker.Ready.WaitAsync(Patience);
        return worker;
    }

    /// <summary>Submits code given as name and content of its files, the first being the entry of a C# run.</summary>
    public async Task<string> Submit(Func<ExperimentSpec, ExperimentSpec> with, params (string Name, string Content)[] files)
    {
        var code = Directory.CreateDirectory(Path.Combine(Folder, "code-" + new SystemIds(TimeProvider.System).Nonce())).FullName;
        foreach (var (name, content) in files)
        {
            var file = Path.Combine(code, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, content);
        }

        var package = CodePackage.Pack(code);
        Assert.IsType<CodePut.Stored>(await Submission.Code.Put(package.Facts.Sha256, new MemoryStream(package.Zip.ToArray())));
        var spec = with(new()
        {
            Project = "p",
            Name = "e",
            Code = new(package.Facts.Sha256),
            Command = files[0].Name,
            Fresh = true,
            Grace = TimeSpan.FromSeconds(20),
        });
        var result = await Submission.Submit(spec, by: null);
        return Assert.IsType<SubmitResult.Accepted>(result).Answer.Runs.Single().Id;
    }

    public Task<string> SubmitCSharp(string program, Func<ExperimentSpec, ExperimentSpec>? with = null) =>
        Submit(with ?? (spec => spec), ("train.cs", program));

    public Task<string> SubmitShell(string command, Func<ExperimentSpec, ExperimentSpec>? with = null) =>
        Submit(spec => (with ?? (same => same))(spec with { Command = command }), ("readme.txt", "code"));

    public async Task<RunRecord> Load(string run) => (await Runs.Load(run))!.Run;

    public Task<RunRecord> Ended(string run, TimeSpan? patience = null) => Until(run, record => record.State.IsTerminal, patience);

    public async Task<RunRecord> Until(string run, Func<RunRecord, bool> isSo, TimeSpan? patience = null)
    {
        RunRecord? last = null;
        await Until(
            async () => isSo(last = await Load(run)),
            () => $"{run} is {last?.State} ({last?.Cause}: {last?.Message}); the workers said: " +
                $"{string.Join(" | ", workers.Select(worker => worker.Errors))}", patience);
        return last!;
    }

    public static async Task Until(Func<Task<bool>> isSo, Func<string> otherwise, TimeSpan? patience = null)
    {
        var deadline = Stopwatch.StartNew();
        while (!await isSo())
        {
            if (deadline.Elapsed > (patience ?? Patience)) throw new TimeoutException(otherwise());
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>What an attempt has logged so far.</summary>
    public async Task<string> Log(string run, int epoch = 1)
    {
        var all = new StringBuilder();
        for (var segment = 0; await Store.Get(WorkspacePaths.LogSegment(
            run, epoch, segment)) is { } read; segment++) all.Append(Encoding.UTF8.GetString(read.Body));
        return all.ToString();
    }

    public Task LogHas(string run, string text, int epoch = 1)
    {
        var last = "";
        return Until(
            async () => (last = await Log(run, epoch)).Contains(text, StringComparison.Ordinal), () => $"the log of {run} has no '{text}': {last}");
    }

    internal async Task<List<MetricPoint>> Metrics(string run, int epoch = 1, StreamCursor? end = null)
    {
        var points = new List<MetricPoint>();
        for (var segment = 0; segment <= (end?.Segment ?? int.MaxValue); segment++)
        {
            if (await Store.Get(WorkspacePaths.MetricsSegment(run, epoch, segment)) is not { } read) break;
            var bytes = end is not null && segment == end.Segment ? read.Body.AsSpan(0, (int)end.LengthBytes) : read.Body;
            new MetricStreamReader().Read(bytes, points);
        }

        return points;
    }

    public async Task<OutputManifest> Outputs(RunRecord run) => (await Store.Get(run.Outputs!))!.Json<OutputManifest>();

    public Task PutText(string key, string text) => Store.Put(key, Encoding.UTF8.GetBytes(text).AsSpan());

    public Task<RunChange> Cancel(string run, string? reason = null) => Queue.Apply(run, new RunEvent.RequestCancel("me", reason));

    public async Task<CheckpointManifest> Manifest(CheckpointRef checkpoint) => (await Store.Get(checkpoint.Manifest))!.Json<CheckpointManifest>();

    public async Task<string> Text(string key) => Encoding.UTF8.GetString((await Store.Get(key))!.Body);

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in workers) await worker.DisposeAsync();
        Bus.Dispose();
        if (removesFolder) TemporaryFolder.Delete(Folder);
    }
}

/// <summary>An agent as `exp up` starts it.</summary>
sealed class WorkerProcess : IAsyncDisposable
{
    private const int Term = 15, Kill9 = 9, Stop = 19, Continue = 18;

    private readonly Process process;
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder errors = new();
    private int ended;

    public WorkerProcess(string dataFolder, string id, TimeSpan lease, int spares, string[] more, string? program = null)
    {
        Id = id;
        var start = new ProcessStartInfo(program ?? Executable) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in (string[])["agent", "--data", dataFolder, "--machine", "cpu", "--id", id, "--lease", lease.ToString("c"), "--spares",
            $"{spares}", .. more.Contains("--parent") ? more : [.. more, "--parent", $"{Environment.ProcessId}"]])
        {
            start.ArgumentList.Add(word);
        }

        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data == "ready") ready.TrySetResult();
            else if (line.Data is null) EndOfOutput();
        };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null) EndOfOutput();
            else lock (errors) errors.AppendLine(line.Data);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    // Of both: what it ends with may be read after the end of the other one.
    private void EndOfOutput()
    {
        if (Interlocked.Increment(ref ended) == 2) ready.TrySetException(new InvalidOperationException($"the worker ended: {Errors}"));
    }

    public static string Executable { get; } = AppContext.BaseDirectory.Replace(
        Path.Combine("tests", "bin"), Path.Combine("gpu-worker", "bin"), StringComparison.Ordinal) + "Serverless.GpuWorker";

    public string Id { get; }

    public Task Ready => ready.Task;

    public bool HasExited => process.HasExited;

    public int ProcessId => process.Id;

    /// <summary>The most memory that it has had at once.</summary>
    public long PeakBytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{process.Id}/status").Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
        }
    }

    public string Errors
    {
        get { lock (errors) return errors.ToString(); }
    }

    /// <summary>Waits until it has said this on standard error.</summary>
    public Task Says(string text) =>
        WorkerRig.Until(() => Task.FromResult(Errors.Contains(text, StringComparison.Ordinal)), () => $"'{text}' is not in: {Errors}");

    public void Terminate() => Signal(Term);

    /// <summary>kill -9.</summary>
    public void Kill() => Signal(Kill9);

    /// <summary>Stops it where it holds nothing that others wait for.</summary>
    public Task Pause() => WriteLocks.StopWithout(process.Id, () => Signal(Stop), Resume);

    public void Resume() => Signal(Continue);

    public async Task<int> Exited()
    {
        await process.WaitForExitAsync().WaitAsync(WorkerRig.Patience);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            Resume();
            Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
    }

    private void Signal(int signal)
    {
        if (kill(process.Id, signal) != 0 && !process.HasExited) throw new InvalidOperationException("kill");
    }

    [System.Runtime.InteropServices.DllImport("libc")]
    private static extern int kill(int processId, int signal);
}
