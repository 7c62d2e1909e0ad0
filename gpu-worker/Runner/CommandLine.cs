using System.Diagnostics;
using System.Runtime.InteropServices;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Runner;

/// <summary>Runs a program as a child and ends as it ends. The runner stays beside it so that nothing outlives the agent.</summary>
static class CommandLine
{
    private static PosixSignalRegistration? terminate;

    public static int Execute(IReadOnlyList<string> command, ControlChannel channel)
    {
        // The agent signals the whole group: the child is meant, its supervisor waits for it.
        // Until this process is gone: a signal is looked at after it came, perhaps when the child has ended already.
        terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, static signal => signal.Cancel = true);

        // And what the code sends to its own group is for the code.
        Native.IgnoreEndingSignals();
        var start = new ProcessStartInfo(command[0]) { UseShellExecute = false };
        foreach (var word in command.Skip(1)) start.ArgumentList.Add(word);

        // Before it starts: its first act may be to end every process of its user, this one too.
        channel.Begin();
        using var child = ProcessLimit.WithReserve(() => Native.WithDefaultSignals(() => Process.Start(start)))!;
        OrphanReaper.ReapAllBut(child.Id);
        child.WaitForExit();
        channel.Report(new(RunnerReport.FailureKind.Ended, ""));
        return child.ExitCode;
    }
}
