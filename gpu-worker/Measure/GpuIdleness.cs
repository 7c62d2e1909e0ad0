namespace Serverless.GpuWorker.Measure;

/// <summary>Since when no GPU of the machine has done anything.</summary>
sealed class GpuIdleness
{
    /// <summary>What a driver says of a GPU on which nothing was computed.</summary>
    private const double Idle = 1;

    /// <summary>A timestamp; null: one does something, or none says what it does.</summary>
    public long? Since { get; private set; }

    public void Note(IReadOnlyList<GpuUsage> gpus, TimeProvider time)
    {
        var says = gpus.Where(gpu => gpu.UtilizationPercent is not null).ToList();
        if (says.Count == 0 || says.Exists(gpu => gpu.UtilizationPercent >= Idle)) Since = null;
        else Since ??= time.GetTimestamp();
    }
}
