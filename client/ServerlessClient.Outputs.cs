using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>What a run left in <c>artifacts/</c>; while it goes on, what was uploaded so far.</summary>
    public Task<ArtifactList> GetArtifacts(string id, CancellationToken cancel = default) => Get<ArtifactList>($"{Run(id)}/artifacts", cancel);

    /// <summary>An artifact; it fails at its end with <see cref="ContentMismatchException"/> when it is not what the run left.</summary>
    public Task<Stream> OpenArtifact(string id, OutputFile file, CancellationToken cancel = default) =>
        OpenLarge($"{Run(id)}/artifacts/{EscapedPath(file.Path)}", file.LengthBytes, file.Sha256, cancel);

    /// <summary>A run's checkpoints, oldest first.</summary>
    public Task<CheckpointList> GetCheckpoints(string id, CancellationToken cancel = default) =>
        Get<CheckpointList>($"{Run(id)}/checkpoints", cancel);

    /// <summary>The files of a checkpoint.</summary>
    public Task<CheckpointManifest> GetCheckpoint(string id, long step, CancellationToken cancel = default) =>
        Get<CheckpointManifest>($"{Run(id)}/checkpoints/{Text(step)}", cancel);

    /// <summary>A file of a checkpoint; it fails at its end with <see cref="ContentMismatchException"/> when it is not what was saved.</summary>
    public async Task<Stream> OpenCheckpointFile(string id, long step, CheckpointFile file, CancellationToken cancel = default)
    {
        var path = $"{Run(id)}/checkpoints/{Text(step)}/{EscapedPath(file.Path)}";
        var body = file.LengthBytes >= LargeBytes && await Get<FilePieces>($"{path}?pieces=true", cancel) is { Pieces: { Count: > 0 } pieces }
            ? new JoinedStream([.. pieces.Select(piece => (Func<CancellationToken, Task<Stream>>)(stop => Part(piece.Url, stop)))])
            : await Part(path, cancel);
        return Verified(body, file.LengthBytes, file.Sha256);

        Task<Stream> Part(string from, CancellationToken stop) => Open(from, resumes: true, isVerified: IsHash(file.Sha256), stop);
    }
}
