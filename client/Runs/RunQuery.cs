namespace Serverless.Client;

/// <summary>Which runs. Null: any.</summary>
public sealed record RunQuery
{
    public string? Project { get; init; }
    public string? Experiment { get; init; }
    public RunState? State { get; init; }
    public string? Tag { get; init; }

    /// <summary>How many at most, 1 to 1,000; null: the platform's default.</summary>
    public int? Limit { get; init; }

    /// <summary><see cref="RunList.Next"/> of the page before.</summary>
    public string? After { get; init; }
}
