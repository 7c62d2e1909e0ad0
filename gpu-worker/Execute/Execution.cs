using System.Globalization;
using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Execute;

/// <summary>Why the agent ends code that would run on.</summary>
enum StopReason
{
    Cancelled,
    Preempted,
    Timeout,
    GpuIdle,
    StorageFull,

    /// <summary>The agent cannot do its part.</summary>
    WorkerFailed,

    /// <summary>Another worker has the run: no grace, and nothing more is written.</summary>
    Fenced,
}

/// <summary>How a runner ended.</summary>
/// <param name="Stopped">Set when the agent asked for it before the end.</param>
/// <param name="Killed">It did not leave within the grace period.</param>
/// <param name="Held">The runner was stopped with a signal each time that it was let go on.</param>
sealed record ExecutionEnd(int ExitCode, StopReason? Stopped, bool Killed, RunnerReport? Report, bool KernelKilled, int LeftBehind, bool Held = false)
{
    /// <summary>The attempt's cause and its words, but for what the code printed last.</summary>
    public (Cause Cause, string? Message) Explain(TimeSpan? timeout) => Stopped switch
    {
        StopReason.Cancelled => (Cause.Cancelled, Killed ? "cancelled; the code did not leave within its grace period and was killed"
            : "cancelled on request"),
        StopReason.Preempted => (Cause.Preempted, Killed
            ? "the worker had to leave; the code did not leave within its grace period and was killed" : "the worker had to leave"),
        StopReason.Timeout => (Cause.Timeout, string.Create(CultureInfo.InvariantCulture, $"ran longer than its timeout of {timeout}")),
        StopReason.GpuIdle => (Cause.Timeout, "no GPU of the machine did anything for as long as gpuIdleTimeout says"),
        StopReason.StorageFull => (Cause.StorageFull, "there is no room left for the run's files"),
        StopReason.WorkerFailed => (Cause.WorkerLost, "the worker could not collect the run's files; its log says why"),
        null when Held => (Cause.UserCode,
            "the worker's process that looks after the code was stopped with a signal, again and again; code must leave its parent process alone"),
        StopReason.Fenced => throw new InvalidOperationException("a fenced attempt has no ending to tell of"),
        _ => Report switch
        {
            { Kind: RunnerReport.FailureKind.OutOfMemory } => (Cause.OutOfMemory, Report.Message),
            { Kind: RunnerReport.FailureKind.DiskFull } => (Cause.DiskFull, Report.Message),
            { Kind: RunnerReport.FailureKind.NoResources } => (Cause.WorkerLost, $"this worker's machine could not start the code: {Report.Message}"),
            { Kind: RunnerReport.FailureKind.Aborted } => (Cause.WorkerLost,
                "the worker's process that looks after the code could not go on: was there no process, thread or memory left on its machine?"),
            { Kind: RunnerReport.FailureKind.NeverBegan } => (Cause.WorkerLost,
                $"the worker's runner ended with exit code {ExitCode} before the code began"
                    + (Report.Message.Length > 0 ? $": {Report.Message}" : "")),
            { Kind: RunnerReport.FailureKind.NotStarted } when ExitCode != 0 => (Cause.UserCode, $"could not be started: {Report.Message}"),
            { Kind: RunnerReport.FailureKind.Exception } => (Cause.UserCode, Report.Message),
            _ when ExitCode == 0 => (Cause.Completed, null),
            _ when ExitCode == 128 + Native.SigKill && KernelKilled => (Cause.OutOfMemory, "killed by the kernel: the machine ran out of memory"),
            _ => (Cause.UserCode, ExitCode is > 128 and <= 192 ? $"exit code {ExitCode}: killed by signal {ExitCode - 128}"
                : $"exit code {ExitCode}"),
        },
    };
}

/// <summary>The agent's wish to end an attempt. The first reason counts; a fence comes through at any time.</summary>
sealed class StopRequest : IDisposable
{
    private readonly TaskCompletionSource<StopReason> first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource now = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource asked = new();
    private readonly CancellationTokenSource fenced = new();

    public StopRequest()
    {
        Asked = asked.Token;
        Fenced = fenced.Token;
    }

    public Task<StopReason> First => first.Task;

    /// <summary>Completes when there is no grace left to give.</summary>
    public Task Now => now.Task;

    public StopReason? Reason => Fenced.IsCancellationRequested ? StopReason.Fenced : first.Task.IsCompleted ? first.Task.Result : null;

    /// <summary>Ends preparations.</summary>
    public CancellationToken Asked { get; }

    /// <summary>Ends every write for the attempt.</summary>
    public CancellationToken Fenced { get; }

    public void Request(StopReason reason)
    {
        first.TrySetResult(reason);
        if (reason == StopReason.Fenced) fenced.Cancel();
        if (reason is StopReason.Fenced or StopReason.StorageFull or StopReason.WorkerFailed) now.TrySetResult();
        asked.Cancel();
    }

    public void Dispose()
    {
        asked.Dispose();
        fenced.Dispose();
    }
}

/// <summary>Waits for a runner: for its own end, its timeout or a wish to stop it, whichever is first.</summary>
/// <param name="say">Takes a line for the log.</param>
sealed class Execution(RunnerProcess runner, TimeProvider time, Action<string> say)
{
    /// <summary>
    /// Whoever ends a service or a session signals all of its processes at once; the agent may learn of it just after its child died of it.
    /// </summary>
    private static readonly TimeSpan SignalSpread = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan ReportWait = TimeSpan.FromSeconds(1);

    /// <param name="timeout">Null: no limit.</param>
    /// <param name="grace">How long the code has between SIGTERM and SIGKILL.</param>
    public async Task<ExecutionEnd> Wait(StopRequest stop, TimeSpan? timeout, TimeSpan grace)
    {
        var memory = new OutOfMemoryEvidence();
        using var ended = new CancellationTokenSource();
        var exit = runner.Exit();
        var held = KeepGoing(ended.Token);
        var tooLong = Delay(timeout ?? TimeSpan.MaxValue, ended.Token);
        await Task.WhenAny(exit, stop.First, tooLong);
        StopReason? stopped = exit.IsCompleted ? null : stop.Reason ?? StopReason.Timeout;
        if (exit is { IsCompleted: true, Result: 128 + Native.SigTerm })
        {
            await Task.WhenAny(stop.First, Delay(SignalSpread, ended.Token));
            stopped = stop.Reason;
        }

        var killed = false;
        if (stopped is not null && !stop.Now.IsCompleted)
        {
            var left = runner.Leave(time, ended.Token);
            await Task.WhenAny(left, stop.Now, Delay(grace, ended.Token));
            killed = !left.IsCompleted;
        }

        runner.Kill();
        var code = await exit;
        var leftBehind = await runner.KillOrphans(time);
        await Task.WhenAny(runner.Report, Delay(ReportWait, ended.Token));
        await ended.CancelAsync();
        var isHeld = await held;
        var report = runner.Report.IsCompletedSuccessfully ? await runner.Report : null;
        if (report is null && code == 128 + Native.SigAbort && runner.HasLeftItsProgram) report = new(RunnerReport.FailureKind.Aborted, "");
        if (stop.Reason == StopReason.Fenced) stopped = StopReason.Fenced;
        return new(code, stopped, killed, report, code != 0 && memory.Found, leftBehind, isHeld);
    }

    /// <summary>Lets a runner go on that its code, or somebody else, has stopped.</summary>
    /// <returns>Whether it was ended because that was in vain.</returns>
    private async Task<bool> KeepGoing(CancellationToken ended)
    {
        if (!await runner.WatchStops(
            time, () => say("the process that looks after the code was stopped with a signal; the worker has let it go on"), ended)) return false;
        runner.Kill();
        return true;
    }

    // Timers take at most 49 days; waiting longer is waiting for ever.
    private Task Delay(TimeSpan length, CancellationToken cancel) =>
        Task.Delay(length < TimeSpan.FromDays(49) ? length : Timeout.InfiniteTimeSpan, time, cancel);
}
