namespace Serverless.GpuWorker.Measure;

static class Gpus
{
    private static readonly Lazy<IGpus?> Found = new(() => Nvml.Open() ?? (IGpus?)NvidiaSmi.Find(TimeProvider.System));

    /// <summary>Those of this machine; null when it has none that can be asked.</summary>
    public static IGpus? Here => OperatingSystem.IsLinux() || OperatingSystem.IsWindows() ? Found.Value : null;
}
