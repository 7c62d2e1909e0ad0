namespace Serverless.Client;

public sealed record CheckpointList(string Run, IReadOnlyList<CheckpointRef> Checkpoints, string? Head);

/// <param name="Live">The run goes on: what its attempt has uploaded so far, hashes not yet known.</param>
public sealed record ArtifactList(string Run, IReadOnlyList<OutputFile> Artifacts, bool Live = false);
