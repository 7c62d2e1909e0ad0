using System.Text.Json.Serialization;

namespace Serverless.Client;

[JsonConverter(typeof(EnumNamesConverter<Goal>))]
public enum Goal
{
    Maximize,
    Minimize,
}

/// <summary>Which checkpoint is the best: by a metric's value at the save.</summary>
public sealed record BestCheckpoint(
    [property: Field("The metric's name."), Text<RunForms.Metric>] string Metric,
    [property: Field("Whether the greatest or the least value is the best.")] Goal Goal);

/// <summary>Which of a run's checkpoints stay. Not part of the run key: what is kept does not change a result.</summary>
public sealed record CheckpointRetention
{
    [Field("How many of the newest stay.", Min = 1, Max = 1000, Hint = "every: 1 keeps all")]
    public int Keep { get; init; } = 5;

    [Field("The best one, by a metric, stays as well.", Example = """{"metric": "val/accuracy", "goal": "maximize"}""")]
    public BestCheckpoint? Best { get; init; }

    [Field("Those at multiples of this step stay as well; 1 keeps all, 0 none.", Min = 0)]
    public long Every { get; init; }
}
