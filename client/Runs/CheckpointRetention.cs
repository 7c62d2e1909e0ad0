using System.Text.Json.Serialization;

namespace Serverless.Client;

[JsonConverter(typeof(EnumNamesConverter<Goal>))]
public enum Goal
{
    Maximize,
    Minimize,
}

/// <summary>Which checkpoint is the best: by a metric's value at the save.</summary>
public sealed record BestCheckpoint(string Metric, Goal Goal);

/// <summary>Which of a run's checkpoints stay. Not part of the run key: what is kept does not change a result.</summary>
public sealed record CheckpointRetention
{
    /// <summary>How many of the newest stay, the head included. Default 5, at least 1.</summary>
    public int Keep { get; init; } = 5;

    /// <summary>The best one stays as well; null: none is told from the others.</summary>
    public BestCheckpoint? Best { get; init; }

    /// <summary>Those at multiples of this step stay as well; 1 keeps all, 0 (the default) none.</summary>
    public long Every { get; init; }
}
