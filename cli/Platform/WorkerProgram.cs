using System.Diagnostics;
using System.Reflection;

namespace Serverless.Cli.Platform;

/// <summary>
/// Where the worker's executable is: beside a published <c>exp</c> in <c>worker/</c>, or in the worker's own build output, whose place the build
/// wrote down.
/// </summary>
static class WorkerProgram
{
    private const string Name = "Serverless.GpuWorker";

    /// <exception cref="ExpException">It is in neither place.</exception>
    public static void Check() => Folder();

    public static ProcessStartInfo StartInfo(params IEnumerable<string> arguments)
    {
        var dll = Path.Combine(Folder(), Name + ".dll");

        // Through the same dotnet that runs this process: the worker's own launcher would look for one in the usual places only.
        var dotnet = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..",
            OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        var start = new ProcessStartInfo(File.Exists(dotnet) ? dotnet : "dotnet")
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        start.ArgumentList.Add(dll);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return start;
    }

    private static string Folder()
    {
        var built = typeof(WorkerProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(one => one.Key == "WorkerFolder")?.Value;
        string[] places = [Path.Combine(AppContext.BaseDirectory, "worker"),
            .. built is null ? Array.Empty<string>() : [Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, built))]];
        return places.FirstOrDefault(place => File.Exists(Path.Combine(place, Name + ".dll")))
            ?? throw new ExpException(ExitCode.Unreachable,
                $"the worker ({Name}.dll) is in none of {string.Join(", ", places)}; build it with: dotnet build gpu-worker");
    }
}
