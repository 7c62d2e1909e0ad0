namespace Serverless.GpuWorker.Measure;

/// <summary>A GPU at one moment. Null: it does not say.</summary>
/// <param name="Number">As the driver counts them.</param>
/// <param name="UtilizationPercent">How much of the last moment something computed on it.</param>
readonly record struct GpuUsage(
    int Number, double? UtilizationPercent, long? MemoryUsedBytes, long? MemoryFreeBytes, double? PowerWatts, double? TemperatureCelsius);

/// <summary>The GPUs of this machine.</summary>
interface IGpus
{
    /// <summary>Empty when they cannot be asked at the moment.</summary>
    Task<IReadOnlyList<GpuUsage>> Read(CancellationToken cancel);
}
