using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Runner;

/// <summary>
/// The process that executes one run and dies. It starts with three pipes to the agent: standard input brings the assignment and stays open as long
/// as the agent lives, standard error takes reports, standard output is the log. Before the code sees anything, the first two are moved out of its
/// way.
/// </summary>
static class RunnerMain
{
    /// <summary>Descriptors far above those that a starting process uses.</summary>
    private const int ControlFile = 240, ReportFile = 241;

    public static int Run(string[] args)
    {
        if (OperatingSystem.IsWindows())
        {
            Console.Error.WriteLine("runs are executed on Linux and macOS only");
            return 1;
        }

        _ = Native.NewSession();
        Native.AdoptOrphans();
        var channel = new ControlChannel(Native.MoveAside(0, ControlFile), Native.MoveAside(2, ReportFile));
        Native.MergeStandardStreams();
        OomScore.Volunteer();
        Prewarm.Plain();
        if (args is [_, "warm", ..]) Prewarm.Torch();
        if (channel.ReadAssignment() is not { } assignment) return 0;
        ApplyEnvironment(assignment.Environment);
        if (assignment.Afresh) return StartAfresh(channel);
        channel.DieWithAgent();
        try
        {
            Directory.SetCurrentDirectory(assignment.Folder);
            return assignment.Assembly is { } assembly ? CSharpCode.Execute(assembly, [.. assignment.Command], channel)
                : CommandLine.Execute(assignment.Command, channel);
        }
        catch (System.ComponentModel.Win32Exception refused) when (refused.NativeErrorCode is Native.TryAgain or Native.NoMemory)
        {
            channel.Report(new(RunnerReport.FailureKind.NoResources, refused.Message));
            return 1;
        }
        catch (Exception exception) when (
            exception is IOException or System.ComponentModel.Win32Exception or BadImageFormatException or UnauthorizedAccessException)
        {
            channel.Report(new(RunnerReport.FailureKind.NotStarted, exception.Message));
            return 1;
        }
    }

    private static int StartAfresh(ControlChannel channel)
    {
        channel.MoveBack();
        channel.Report(new(RunnerReport.FailureKind.NoResources, Native.Become([RunnerProgram.Path, .. RunnerProgram.Arguments, "runner"])));
        return 1;
    }

    // Both views of the environment: .NET keeps a copy of its own, native libraries read the process's.
    private static void ApplyEnvironment(IReadOnlyDictionary<string, string> wanted)
    {
        foreach (string name in Environment.GetEnvironmentVariables().Keys)
        {
            if (wanted.ContainsKey(name)) continue;
            Environment.SetEnvironmentVariable(name, null);
            Native.UnsetVariable(name);
        }

        foreach (var (name, value) in wanted)
        {
            if (Environment.GetEnvironmentVariable(name) == value) continue;
            Environment.SetEnvironmentVariable(name, value);
            Native.SetVariable(name, value, overwrite: 1);
        }
    }
}
