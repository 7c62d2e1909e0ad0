using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Workers;

namespace Serverless.Cli.Platform;

/// <summary>One worker's place: starts the process, and starts it again when it dies.</summary>
sealed class WorkerProcess(string id, string machine, PlatformOptions options, TimeProvider time, PlatformLog log)
{
    private static readonly Backoff Pauses = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
    private static readonly TimeSpan Settled = TimeSpan.FromMinutes(1);
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Its first process waits for runs.</summary>
    public Task Ready => ready.Task;

    public int? ProcessId { get; private set; }

    /// <summary>Keeps one process going until told to stop; then lets it hand back what it has.</summary>
    /// <param name="stop">Hand back and end.</param>
    /// <param name="abort">End at once.</param>
    public async Task Run(CancellationToken stop, CancellationToken abort)
    {
        var failures = 0;
        while (!stop.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            var exitCode = await RunOnce(stop, abort);
            if (stop.IsCancellationRequested) return;
            if (time.GetElapsedTime(began) > Settled) failures = 0;
            var pause = Pauses.After(++failures);
            log.Own.WorkerEnded(id, exitCode, (int)pause.TotalSeconds);
            try
            {
                await Task.Delay(pause, time, stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<int> RunOnce(CancellationToken stop, CancellationToken abort)
    {
        using var process = new Process { StartInfo = WorkerProgram.StartInfo(Arguments()) };
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        ProcessId = process.Id;
        await using var stopping = stop.Register(() => Signals.Terminate(process));
        using var ended = new CancellationTokenSource();
        var watched = WatchStops(process, ended.Token);
        try
        {
            await process.WaitForExitAsync(abort);
            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            // Nor is its output waited for, which somebody that it started may hold open.
            Signals.Kill(process);
            return -1;
        }
        finally
        {
            ProcessId = null;
            await ended.CancelAsync();
            await watched;
        }
    }

    // A worker that code, or somebody else, has stopped neither ends nor takes a run, and does not end when it is asked to.
    private async Task WatchStops(Process process, CancellationToken ended)
    {
        var stopped = new StoppedProcess(process.Id, time, () => Signals.Continue(process));
        if (!await stopped.Watch(() => log.Own.WorkerStopped(id), ended)) return;
        log.Own.WorkerKeptStopped(id);
        Signals.Kill(process);
    }

    private IEnumerable<string> Arguments()
    {
        List<string> all =
        [
            "agent", "--data", options.Data.Path, "--machine", machine, "--id", id,
            "--parent", Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
        ];
        if (log.Level != LogLevel.Information) all.AddRange(["--log-level", EnumNames.Of(log.Level)]);
        if (log.Format != default) all.AddRange(["--log-format", EnumNames.Of(log.Format)]);
        if (options.Lease is { } lease) all.AddRange(["--lease", lease.ToString("c")]);
        if (options.LogLimit is { } limit) all.AddRange(["--log-limit", limit.ToString(CultureInfo.InvariantCulture)]);
        if (options.Cache is { } cache) all.AddRange(["--cache", cache]);
        return all;
    }

    private void Hear(string? line)
    {
        if (line is null) return;
        if (line == "ready") ready.TrySetResult();
        else if (line.Length > 0) log.OfWorker(id, line);
    }
}
