namespace Serverless.Client;

public sealed record VersionInfo(int Number, string Hash, string Tree, string? Commit, DateTimeOffset Created, string? By);
