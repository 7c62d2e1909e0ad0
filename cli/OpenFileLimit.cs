using System.Runtime.InteropServices;

namespace Serverless.Cli;

/// <summary>
/// Where so few files can be open at once that the parts of this program cannot be loaded, or standard error not be opened: said with nothing but the
/// system's own calls, before any part is needed. Below some twenty the runtime itself does not start. The worker has this file as well.
/// </summary>
static unsafe partial class OpenFileLimit
{
    private const int StandardError = 2;

    private static ReadOnlySpan<byte> Said =>
        "too few files can be open at once here; raise the limit (ulimit -n 4096 before the start, or LimitNOFILE= of its service)\n"u8;

    /// <param name="least">What the program needs to get to its own errors.</param>
    /// <returns>True: it was said.</returns>
    public static bool Refuse(ulong least)
    {
        if (OperatingSystem.IsWindows()) return false;
        var nowAndMost = stackalloc ulong[2];
        if (GetLimit(OperatingSystem.IsLinux() ? 7 : 8, nowAndMost) != 0 || nowAndMost[0] >= least) return false;
        fixed (byte* text = Said) _ = Write(StandardError, text, (nuint)Said.Length);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, ulong* nowAndMost);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, byte* bytes, nuint count);
}
