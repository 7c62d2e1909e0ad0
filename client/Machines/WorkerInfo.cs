namespace Serverless.Client;

/// <summary>What a worker says of itself in <c>workers/{id}.json</c>, rewritten at every heartbeat.</summary>
/// <param name="Run">What it is working on.</param>
/// <param name="Seen">Store time of its last word; filled in by readers.</param>
/// <param name="NoControlGroups">Why the processes of its runs are in no control groups of their own; null: they are.</param>
public sealed record WorkerInfo(
    string Id, string Machine, string Host, int ProcessId, int Cores, long MemoryBytes, string Device, string? Run, TimeSpan Heartbeat,
    DateTimeOffset Started, DateTimeOffset? Seen = null, string? NoControlGroups = null);
