namespace Serverless.Client;

/// <summary>Which runs. Null: any.</summary>
public sealed record RunQuery
{
    public string? Project { get; init; }
    public string? Experiment { get; init; }
    public RunState? State { get; init; }
    public string? Tag { get; init; }

    /// <summary>What else they are to be like: <c>val/accuracy > 0.9 and lr &lt; 0.01</c>.</summary>
    public string? Where { get; init; }

    /// <summary>By what they are ordered: <c>-val/accuracy, created</c>; null: newest first.</summary>
    public string? Order { get; init; }

    /// <summary>How many at most, 1 to 1,000; null: the platform's default.</summary>
    public int? Limit { get; init; }

    /// <summary><see cref="RunList.Next"/> of the page before.</summary>
    public string? After { get; init; }
}
