namespace Serverless.Client;

/// <summary>What a worker says of itself in <c>workers/{id}.json</c>, rewritten at every heartbeat.</summary>
/// <param name="Run">What it is working on.</param>
/// <param name="Seen">Store time of its last word; filled in by readers.</param>
public sealed record WorkerInfo(
    string Id, string Machine, string Host, int ProcessId, int Cores, long MemoryBytes, string Device, string? Run, TimeSpan Heartbeat, DateTimeOffset Started, DateTimeOffset? Seen = null);
