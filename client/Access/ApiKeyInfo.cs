namespace Serverless.Client;

/// <param name="Key">The secret itself, only in the answer that creates it.</param>
public sealed record ApiKeyInfo(string Id, string Name, Role Role, string Workspace, DateTimeOffset Created, string? Key = null);
