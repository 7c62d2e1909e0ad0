using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Serverless.Tests.Support;

/// <summary>The programs that this build made, started as people start them.</summary>
static class BuiltPrograms
{
    /// <summary>What a project builds lies in its own folder as the tests lie in theirs.</summary>
    public static string PathOf(string project, string file)
    {
        var marker = $"{Path.DirectorySeparatorChar}tests{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}";
        var at = AppContext.BaseDirectory.LastIndexOf(marker, StringComparison.Ordinal);
        var path = Path.Combine(AppContext.BaseDirectory[..at], project, "bin", AppContext.BaseDirectory[(at + marker.Length)..], file);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} was not built", path);
    }

    /// <summary>Runs a program to its end; it is killed with its children when the test is cancelled.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> Run(string dll, IEnumerable<string> arguments, CancellationToken cancel)
    {
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        using var process = Process.Start(
            new ProcessStartInfo(dotnet, [dll, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        await using var killing = cancel.Register(() => process.Kill(entireProcessTree: true));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None),
            process.StandardError.ReadToEndAsync(CancellationToken.None));
        await process.WaitForExitAsync(CancellationToken.None);
        return (process.ExitCode, await output, await errors);
    }
}
