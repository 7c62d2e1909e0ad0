namespace Serverless.Client;

/// <summary><c>GET /api/health</c>; needs no key.</summary>
public sealed record Health(string Status, string Version);
