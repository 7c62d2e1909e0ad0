namespace Serverless.Client;

/// <summary><c>GET /api/dead-letters</c>.</summary>
public sealed record DeadLetterList(IReadOnlyList<DeadLetterInfo> Letters);

/// <param name="Run">The run that it is about, when it can be understood.</param>
public sealed record DeadLetterInfo(string Queue, string Id, string Reason, DateTimeOffset At, int Deliveries, string? Run, string Body);
