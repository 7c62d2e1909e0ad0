namespace Serverless.Core.Messaging;

public sealed record SqliteBusOptions
{
    /// <summary>How long a received message stays invisible to others unless it is renewed. Default 30 s; not longer than a run's lease.</summary>
    public TimeSpan LockLength { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the id of a send is remembered. Default 10 minutes.</summary>
    public TimeSpan DuplicateWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often a waiting receiver looks although no bell rang: a sender may die between its commit and the bell. Default 1 s.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long to wait for the transactions of other processes before the bus counts as unavailable. Default 10 s.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
