using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Serverless.Cli.Platform;

/// <summary>Asks a process to end, which .NET itself cannot, or ends it.</summary>
static partial class Signals
{
    private const int SigTerm = 15;
    private static readonly int SigContinue = OperatingSystem.IsLinux() ? 18 : 19;

    public static void Terminate(Process process)
    {
        if (OperatingSystem.IsWindows()) Kill(process);
        else Send(process, SigTerm);
    }

    /// <summary>Lets it go on after a stop.</summary>
    public static void Continue(Process process) => Send(process, SigContinue);

    private static void Send(Process process, int signal)
    {
        try
        {
            if (!process.HasExited) _ = Send(process.Id, signal);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has ended meanwhile, which is what was asked for.
        }
    }

    /// <summary>Ends it at once, with all that it started.</summary>
    public static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended meanwhile, or the system refuses; there is nothing more to do.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Send(int processId, int signal);
}
