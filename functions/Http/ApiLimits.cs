namespace Serverless.Functions.Http;

/// <summary>The largest bodies that are taken; everything else is at most 1 MiB.</summary>
public sealed record ApiLimits
{
    /// <summary>A file of the workspace. Default 64 GiB.</summary>
    public long FileBytes { get; init; } = 64L << 30;

    /// <summary>The list of a dataset's files. Default 64 MiB.</summary>
    public long DatasetBytes { get; init; } = 64L << 20;

    public static readonly TimeSpan DefaultDirectLinks = TimeSpan.FromHours(1);

    /// <summary>
    /// How long an address works that the store itself answers; zero: none are given, as where only this app can reach the store. Default 1 hour.
    /// </summary>
    public TimeSpan DirectLinks { get; init; } = DefaultDirectLinks;

    /// <summary>How long a log is followed by one request; whoever follows asks again. Default: until the run has ended.</summary>
    public TimeSpan? FollowFor { get; init; }

    /// <summary>How often an answer that goes on asks whether its caller's key still opens the workspace. Default 15 seconds.</summary>
    public TimeSpan KeyCheck { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A code snapshot, zipped. Default 256 MiB.</summary>
    public long CodeBytes { get; init; } = 256L << 20;
}
