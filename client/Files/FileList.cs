namespace Serverless.Client;

public sealed record FileList(IReadOnlyList<WorkspaceFile> Files, string? Next);

public sealed record WorkspaceFile(string Path, long LengthBytes, DateTimeOffset Modified, string ETag);
