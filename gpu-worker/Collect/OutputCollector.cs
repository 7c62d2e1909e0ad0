using System.Security.Cryptography;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Plain;
using Serverless.Core.Workspaces;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Uploads files of <c>artifacts/</c> and <c>data/</c> once nothing has changed in them for a while, so that little is left to do at the end; what
/// changes afterwards is uploaded again. Only the manifest, written last, makes them count.
/// </summary>
/// <param name="output">The folder that code writes to.</param>
sealed class OutputCollector(IObjectStore store, RunRecord run, string output, Omissions omissions, Retry retry) : IDisposable
{
    /// <summary>
    /// Small files, such as a picture of the last epoch, may be sent again more often than <see cref="MaySend"/> allows for their length, up to this
    /// for all together.
    /// </summary>
    private const long MaxExtraBytes = 64L << 20;

    /// <summary>Nobody should write any more at the last look; whoever got away from the end of the code must not keep it from ending.</summary>
    private const int LastTries = 3;

    private Dictionary<string, FileState> seen = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Upload> uploads = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim turn = new(1);
    private IReadOnlyList<KeptOutput> carried = [];
    private long extraBytes;

    /// <summary>
    /// Sets what attempts before had left by the checkpoint that this one goes on from. What the code writes again takes its place.
    /// </summary>
    public void Carry(IReadOnlyList<KeptOutput> kept) => carried = kept;

    /// <summary>Uploads what was the same at the last call.</summary>
    public async Task UploadSettled(CancellationToken cancel)
    {
        await turn.WaitAsync(cancel);
        try
        {
            var found = await Look(artifactsOnly: false, cancel);
            await Send(found.Where(file => seen.TryGetValue(file.Key, out var before) && before == file.Value), cancel);
            seen = found;
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Uploads what there is, settled or not, for a checkpoint: who goes on from that has it.</summary>
    /// <returns>What the run has by now, in the order of paths.</returns>
    public async Task<IReadOnlyList<KeptOutput>> KeepAll(CancellationToken cancel)
    {
        await turn.WaitAsync(cancel);
        try
        {
            await Send(await Look(artifactsOnly: false, cancel), cancel);
            var own = uploads.Where(upload => upload.Value.File is not null)
                .Select(upload => new KeptOutput(upload.Key, upload.Value.File!, upload.Value.ETag!)).ToList();
            return [.. Beside(own.Select(kept => kept.Path)).Concat(own).OrderBy(kept => kept.Path, StringComparer.Ordinal)];
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();

    /// <summary>Uploads the rest and writes the manifest; null when the code left no files.</summary>
    /// <param name="publish">Whether files of <c>data/</c> are part of it: only a run that completed has results for others.</param>
    /// <returns>The manifest's key.</returns>
    public async Task<string?> Finish(bool publish, CancellationToken cancel)
    {
        omissions.LookAgain(ContractNames.Artifacts);
        omissions.LookAgain(ContractNames.Data);
        var last = new Dictionary<string, OutputFile>(StringComparer.Ordinal);
        foreach (var (path, state) in await Look(artifactsOnly: !publish, cancel))
        {
            await omissions.Guard(path, isLast: true, async () =>
            {
                if (await SendLast(path, state, cancel) is { } file) last[path] = file;
            });
        }

        foreach (var kept in Beside([.. last.Keys]).Where(kept => publish || IsArtifact(kept.Path)))
        {
            if (await IsThere(kept, cancel)) last[kept.Path] = kept.File;
            else omissions.Add(kept.Path, "an earlier attempt had left it, and wrote it over or removed it after the checkpoint");
        }

        if (last.Count == 0) return null;
        var key = WorkspacePaths.OutputManifest(run.Id, run.Epoch);
        var manifest = new OutputManifest(Of("artifacts/"), Of(WorkspacePaths.Data));
        await retry.Execute(() => store.PutJson(key, manifest, cancel: cancel), cancel);
        return key;

        List<OutputFile> Of(string prefix) => [.. last.Where(file => file.Key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(file => file.Value).OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    private async Task Send(IEnumerable<KeyValuePair<string, FileState>> files, CancellationToken cancel)
    {
        foreach (var (path, state) in files)
        {
            if (MaySend(path, state)) await omissions.Guard(path, isLast: false, () => Send(path, cancel));
        }
    }

    /// <summary>What attempts before left, and these paths leave room for.</summary>
    private IEnumerable<KeptOutput> Beside(IEnumerable<string> paths)
    {
        if (carried.Count == 0) return [];
        var files = paths.ToHashSet(StringComparer.Ordinal);
        var folders = files.SelectMany(FoldersOf).ToHashSet(StringComparer.Ordinal);
        return carried.Where(kept => !files.Contains(kept.Path) && !folders.Contains(kept.Path) && !FoldersOf(kept.Path).Any(files.Contains));
    }

    private static IEnumerable<string> FoldersOf(string path)
    {
        for (var slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1)) yield return path[..slash];
    }

    private static bool IsArtifact(string path) => path.StartsWith($"{ContractNames.Artifacts}/", StringComparison.Ordinal);

    private Task<bool> IsThere(KeptOutput kept, CancellationToken cancel) => retry.Execute(async () =>
        (await store.Head(kept.File.Key, cancel)).Value is { } there
        && (there.ETag == kept.ETag || (there.LengthBytes == kept.File.LengthBytes && await store.IsWhole(there, kept.File.Sha256, cancel))), cancel);

    /// <summary>
    /// The plain files there are now. What was uploaded of others is removed: a name may have become
    /// a folder of files, which a store of folders has no place for.
    /// </summary>
    private async Task<Dictionary<string, FileState>> Look(bool artifactsOnly, CancellationToken cancel)
    {
        var found = new Dictionary<string, FileState>(StringComparer.Ordinal);
        foreach (var file in (artifactsOnly ? [ContractNames.Artifacts] : new[] { ContractNames.Artifacts, ContractNames.Data }).SelectMany(below =>
            PlainTree.Walk(output, below)))
        {
            cancel.ThrowIfCancellationRequested();
            if ((file.Problem ?? ObjectKey.Problem(KeyOf(file.Path))) is { } problem) omissions.Add(file.Path, problem);
            else found[file.Path] = file.State;
        }

        foreach (var gone in uploads.Keys.Where(path => !found.ContainsKey(path)).ToList())
        {
            await retry.Execute(() => store.Delete(KeyOf(gone), cancel: cancel), cancel);
            uploads.Remove(gone);
        }

        return found;
    }

    /// <summary>
    /// While the code runs a file is sent again only when it is as long as all that was sent of it before: so it is sent three times at most, counted
    /// in its length, however often it changes. The last look sends what is left.
    /// </summary>
    private bool MaySend(string path, FileState state)
    {
        if (!uploads.TryGetValue(path, out var upload)) return true;
        if (upload.File is not null && upload.State == state) return false;
        if (upload.SentBytes <= state.LengthBytes) return true;
        if (extraBytes + state.LengthBytes > MaxExtraBytes) return false;
        extraBytes += state.LengthBytes;
        return true;
    }

    private async Task<OutputFile?> SendLast(string path, FileState state, CancellationToken cancel)
    {
        if (uploads.TryGetValue(path, out var upload) && upload.File is { } done && upload.State == state) return done;
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await Send(path, cancel);
            }
            catch (ChangedException) when (tries < LastTries)
            {
                // By a process that got away.
            }
        }
    }

    /// <returns>Null when it is gone.</returns>
    private async Task<OutputFile?> Send(string path, CancellationToken cancel)
    {
        using var file = PlainFile.Open(output, path);
        if (file is null) return null;
        var upload = uploads[path] = new(file.State, (uploads.GetValueOrDefault(path)?.SentBytes ?? 0) + file.LengthBytes);
        var key = KeyOf(path);
        var sent = await retry.Execute(async () =>
        {
            file.Content.Position = 0;
            var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(file.Content, cancel));
            file.Content.Position = 0;
            var put = await store.Put(key, file.Content, cancel: cancel);
            var stored = new OutputFile(path[(path.IndexOf('/', StringComparison.Ordinal) + 1)..], key, put.Object!.LengthBytes, hash);
            return (File: stored, put.Object.ETag);
        }, cancel);

        // The hash may not be that of what was stored.
        if (file.HasChanged) throw new ChangedException();
        uploads[path] = upload with { File = sent.File, ETag = sent.ETag };
        return sent.File;
    }

    private string KeyOf(string path)
    {
        var split = path.IndexOf('/', StringComparison.Ordinal) + 1;
        return path.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal)
            ? WorkspacePaths.PublishedFile(run.Id, run.Epoch, path[split..])
            : WorkspacePaths.Artifact(run.Id, run.Epoch, path[split..]);
    }

    /// <param name="SentBytes">Of all its versions.</param>
    /// <param name="File">Null until it is stored as a whole.</param>
    private sealed record Upload(FileState State, long SentBytes, OutputFile? File = null, string? ETag = null);

    private sealed class ChangedException() : IOException("it was written while it was read");
}
