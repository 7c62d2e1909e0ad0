using System.Diagnostics;
using System.Text;
using Serverless.Core.Workers;

namespace Serverless.GpuWorker.Execute;

enum RunnerKind
{
    /// <summary>A .NET process, nothing loaded.</summary>
    Plain,

    /// <summary>libtorch is loaded and has computed once.</summary>
    Torch,
}

/// <summary>A runner as its agent sees it: given one assignment, it executes it and dies. When the agent dies, it and all below it die.</summary>
sealed class RunnerProcess : IDisposable
{
    /// <summary>What was killed is dead after a moment, unless it hangs in the kernel; the next run's end looks again.</summary>
    private static readonly TimeSpan OrphanPause = TimeSpan.FromMilliseconds(5);
    private const int OrphanLooks = 200;

    /// <summary>How soon it is seen that code has left.</summary>
    private static readonly TimeSpan LeavePoll = TimeSpan.FromMilliseconds(20);

    /// <summary>How long the end of a killed runner is waited for until its group is left to the next start of a worker.</summary>
    private static readonly TimeSpan Death = TimeSpan.FromSeconds(1);

    private readonly Process process;
    private readonly ControlGroup? group;
    private readonly TaskCompletionSource<RunnerReport?> report = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool isCommand;
    private volatile bool hasSaidEnd;

    private RunnerProcess(Process process, ControlGroup? group) => (this.process, this.group) = (process, group);

    public int ProcessId => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>
    /// What the code prints: standard output and standard error, merged by the kernel. Ends when the last process that holds it is gone.
    /// </summary>
    public Stream Output => process.StandardOutput.BaseStream;

    /// <summary>
    /// What the runner said about a failure; null when its code began, and it said nothing. Complete soon after the process is gone.
    /// </summary>
    public Task<RunnerReport?> Report => report.Task;

    /// <summary>The program that it was to start has not ended, as far as it says: what ended is the runner itself.</summary>
    public bool HasLeftItsProgram => isCommand && !hasSaidEnd;

    /// <param name="environment">This machine's, nothing of a run's: on the way to another user root executes a program with it.</param>
    /// <param name="user">Who it is; null: who this process is.</param>
    /// <param name="groups">Null: there are none here.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The machine has no process or no memory left for it.</exception>
    public static RunnerProcess Start(RunnerKind temperature, IReadOnlyDictionary<string, string> environment, CodeUser? user, ControlGroups? groups)
    {
        List<string> command = [.. user?.Become ?? [], RunnerProgram.Path, .. RunnerProgram.Arguments, "runner"];
        if (temperature == RunnerKind.Torch) command.Add("warm");
        var process = Children.Start(command, environment);

        // Moving a process takes the kernel some milliseconds. Meanwhile the runner loads itself, and starts nothing.
        return new(process, groups?.Enclose(process));
    }

    public void Assign(Assignment assignment)
    {
        isCommand = assignment.Assembly is null;
        var reader = new Thread(ReadReports, maxStackSize: 256 * 1024) { IsBackground = true, Name = "runner reports" };
        reader.Start();
        try
        {
            // A runner that starts afresh reads its assignment once more.
            if (assignment.Afresh) process.StandardInput.BaseStream.Write(assignment.ToBytes());
            process.StandardInput.BaseStream.Write((assignment with { Afresh = false }).ToBytes());
            process.StandardInput.BaseStream.Flush();
        }
        catch (IOException)
        {
            // It died before it was told anything; its exit says so.
        }
    }

    /// <summary>The exit code; 128 + n after signal n, as shells have it.</summary>
    public async Task<int> Exit()
    {
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    /// <summary>
    /// Asks everything of the run to checkpoint and leave, and waits until it has left: the first process of it is often a shell, which the signal
    /// ends at once while the program that it
    /// started is still saving. What has ended already, because somebody signalled all processes of the machine, is only waited for.
    /// </summary>
    public async Task Leave(TimeProvider time, CancellationToken cancel)
    {
        var asked = HasExited ? null : Termination.Begin(process.Id, Members(), time);
        while (!IsGone())
        {
            if (asked is { GoesOn: true }) asked.Continue(Members());
            await Task.Delay(LeavePoll, time, cancel);
        }
    }

    /// <inheritdoc cref="StoppedProcess.Watch"/>
    public Task<bool> WatchStops(TimeProvider time, Action say, CancellationToken ended) =>
        new StoppedProcess(process.Id, time, Continue).Watch(say, ended);

    private void Continue()
    {
        lock (Children.Gate)
        {
            if (!process.HasExited) Native.Kill(process.Id, Native.SigContinue);
        }
    }

    /// <summary>Ends the runner and everything below it, at once.</summary>
    public void Kill()
    {
        lock (Children.Gate)
        {
            if (process.HasExited) return;
            ProcessTree.KillBelow(process.Id, new HashSet<int>());
            _ = Native.Kill(-process.Id, Native.SigKill);
            Native.Kill(process.Id, Native.SigKill);
        }

        // What forked faster than it was found.
        group?.Kill();
    }

    /// <summary>After the end: ends what the run left behind, which this process has adopted.</summary>
    /// <returns>How many processes were still running.</returns>
    public async Task<int> KillOrphans(TimeProvider time)
    {
        var killed = new HashSet<int>(group?.Members() ?? new HashSet<int>());
        if (killed.Count > 0) group?.Kill();
        for (var look = 0; look < OrphanLooks; look++)
        {
            // Under the gate nobody is starting a runner, so that every child that is not known is an orphan.
            lock (Children.Gate)
            {
                Children.Forget(process.Id);
                killed.UnionWith(ProcessTree.KillBelow(Environment.ProcessId, Children.Known));
                if (!ProcessTree.Reap(Environment.ProcessId, Children.Known) && group is not { IsEmpty: false }) break;
            }

            await Task.Delay(OrphanPause, time);
        }

        group?.Remove();
        return killed.Count;
    }

    public void Dispose()
    {
        Kill();
        group?.Kill();
        if (group?.WaitUntilEmpty(Death) == true) group.Remove();
        Children.Forget(process.Id);
        process.Dispose();
    }

    /// <summary>The ids of the run's processes, as they are now.</summary>
    public IReadOnlyList<int> Processes() => [.. Members().Select(member => member.Id)];

    // The runner, what is below it, and what this process has adopted from it; of those in its group none is missed because its parent just changes.
    private List<ProcessTree.Entry> Members()
    {
        if (!OperatingSystem.IsLinux()) return [new(process.Id, Environment.ProcessId, process.Id, Zombie: false)];
        lock (Children.Gate)
        {
            var others = Children.Known.Except([process.Id]).ToHashSet();
            var below = ProcessTree.Below(Environment.ProcessId, others).Where(member => !member.Zombie);
            var enclosed = (group?.Members() ?? new HashSet<int>()).Select(ProcessTree.EntryOf).OfType<ProcessTree.Entry>();
            return [.. below.UnionBy(enclosed, member => member.Id)];
        }
    }

    private bool IsGone()
    {
        lock (Children.Gate)
        {
            if (!process.HasExited) return false;
            Children.Forget(process.Id);
            return !ProcessTree.Reap(Environment.ProcessId, Children.Known);
        }
    }

    private void ReadReports()
    {
        RunnerReport? failure = null;
        var begun = false;
        var stray = new StringBuilder();
        try
        {
            using var lines = new BoundedLines(process.StandardError.BaseStream);
            while (lines.ReadLine() is { } line)
            {
                if (RunnerReport.From(line) is not { } said)
                {
                    if (stray.Length < 2000) stray.Append(stray.Length > 0 ? " " : "").Append(line);
                }
                else if (said.Kind == RunnerReport.FailureKind.None) begun = true;
                else if (said.Kind == RunnerReport.FailureKind.Ended) hasSaidEnd = true;
                else failure ??= said;
            }
        }
        catch (Exception)
        {
            // The runner was given up, and its pipe closed: what it said until then counts.
        }

        report.SetResult(failure ?? (begun ? null : new(RunnerReport.FailureKind.NeverBegan, stray.ToString())));
    }
}

/// <summary>How to start this program again as a runner.</summary>
static class RunnerProgram
{
    /// <summary>The executable, or <c>dotnet</c> when that runs this program.</summary>
    public static string Path { get; } = Environment.ProcessPath ?? throw new InvalidOperationException("this program does not know its own path");

    public static IReadOnlyList<string> Arguments { get; } =
        System.IO.Path.GetFileNameWithoutExtension(Path) == "dotnet"
            ? [System.IO.Path.Combine(AppContext.BaseDirectory, "Serverless.GpuWorker.dll")] : [];
}
