using System.Runtime.InteropServices;

namespace Serverless.Bench;

/// <summary>What the figures were measured on.</summary>
static class Machine
{
    public static string Describe() =>
        $"{Environment.ProcessorCount} cores, {Processor()}; {Kernel()}; .NET {Environment.Version}; " +
        $"{(IsOptimized() ? "Release" : "DEBUG: use -c Release")}";

    /// <summary>
    /// Processes that wanted a core in the minute before; empty where the system does not say. More than a little, and times are another program's.
    /// </summary>
    public static string Load() => File.Exists("/proc/loadavg") ? $"load {File.ReadAllText("/proc/loadavg").Split(' ')[0]} before it began" : "";

    private static string Processor() =>
        File.Exists("/proc/cpuinfo")
            && File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } model
            ? model[(model.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            : RuntimeInformation.ProcessArchitecture.ToString();

    private static string Kernel() => File.Exists("/proc/sys/kernel/osrelease")
        ? $"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}"
        : RuntimeInformation.OSDescription;

    public static bool IsOptimized() => !typeof(Machine).Assembly.GetCustomAttributes(false).OfType<System.Diagnostics.DebuggableAttribute>()
        .Any(attribute => attribute.IsJITOptimizerDisabled);
}
