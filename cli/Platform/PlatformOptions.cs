namespace Serverless.Cli.Platform;

/// <summary>What <c>exp up</c> was asked for.</summary>
sealed record PlatformOptions
{
    /// <summary>The port that is taken when none is asked for, so that the address is the same every day.</summary>
    public const int UsualPort = 4590;

    public required DataFolder Data { get; init; }

    /// <summary>Null: <see cref="UsualPort"/>, or any free one when that is taken. 0: any free one.</summary>
    public int? Port { get; init; }

    /// <summary>Worker processes for each machine class.</summary>
    public int Workers { get; init; } = 1;
    public IReadOnlyList<string> Machines { get; init; } = ["cpu"];

    /// <summary>How long a worker that went silent keeps its run. Null: the worker's default, 30 s.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>How many MiB a worker keeps of what an attempt prints. Null: the worker's default, 64.</summary>
    public int? LogLimit { get; init; }

    /// <summary>What the caches of the workers may take together, as people write it: 20GB. Null: the worker's default.</summary>
    public string? Cache { get; init; }
}
