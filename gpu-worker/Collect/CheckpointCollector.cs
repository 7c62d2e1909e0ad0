using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Plain;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Turns checkpoint folders into committed checkpoints: pieces and manifest are stored first, then one write of the record makes it exist, together
/// with how far metrics and log had got when it was saved.
/// </summary>
/// <param name="output">The folder that code writes to.</param>
/// <param name="known">Of checkpoints that are stored already, whose pieces are not stored again.</param>
/// <param name="mark">How far the streams are.</param>
/// <param name="placeOf">How far the streams were when a checkpoint was saved, by when that was, and by what the SDK says of it, if it does.</param>
/// <param name="outputs">The artifacts and data that the run has left so far, stored by now; empty: none.</param>
/// <param name="commit">Applies the commit to the record, given the manifests that stay beside it; false when this attempt was replaced.</param>
sealed class CheckpointCollector(
    IObjectStore store, RunRecord run, string output, IEnumerable<CheckpointManifest> known, Omissions omissions, Retry retry, TimeProvider time,
    Func<StreamMark> mark, Func<SaveMoment, CheckpointInfo?, CancellationToken, Task<StreamCut>> placeOf,
    Func<CancellationToken, Task<IReadOnlyList<KeptOutput>>> outputs, Func<CheckpointRef, IReadOnlyList<string>, Task<bool>> commit)
{
    /// <summary>Code that does not rename whole folders into place is given this long to write no more.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, string> stored = known.SelectMany(manifest => manifest.Pieces)
        .GroupBy(chunk => HashOf(chunk.Key), StringComparer.Ordinal).ToDictionary(same => same.Key, same => same.First().Key, StringComparer.Ordinal);

    /// <summary>It has the last value of each metric and the place in the data; longer ones are another program's.</summary>
    private const int MaxInfoBytes = 1024 * 1024, MaxName = 500;

    /// <summary>By step, the folder that it was in, how that looked, and how often it was committed.</summary>
    private readonly Dictionary<long, (string Path, int Look, int Saves)> committed = [];
    private readonly CheckpointSweep sweep = new(store, run.Id, run.Epoch);

    /// <summary>What the record names. Nobody else changes that while this attempt has the run.</summary>
    private IReadOnlyList<CheckpointRef> named = run.Checkpoints;
    private Dictionary<string, (int Look, long Since)> settling = new(StringComparer.Ordinal);

    // Where the streams were at the last look, and by folder, where they were at the last look that did not find it.
    private StreamMark looked = StreamMark.Start;
    private Dictionary<string, StreamMark> before = new(StringComparer.Ordinal);

    /// <summary>One piece at a time.</summary>
    private readonly byte[] buffer = new byte[Chunking.MaxBytes];

    /// <summary>Commits the checkpoints that are whole, oldest first.</summary>
    /// <param name="atEnd">Nobody writes any more: what is there is taken as it is.</param>
    public async Task Collect(bool atEnd, CancellationToken cancel)
    {
        var now = mark();
        var steps = Steps(atEnd);
        before = steps.ToDictionary(step => step.Path, step => before.GetValueOrDefault(step.Path, looked), StringComparer.Ordinal);
        looked = now;
        settling = settling.Where(one => before.ContainsKey(one.Key)).ToDictionary();
        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (step, path, changed) in steps)
        {
            var isOurs = true;
            await omissions.Guard(path, atEnd, async () => isOurs = await Take(step, path, changed, atEnd, kept, cancel));
            if (!isOurs) return;
        }

        // The newest stays: code may look at it. Older ones are in the workspace now.
        foreach (var (_, path, _) in steps.SkipLast(1).Where(step => kept.Contains(step.Path))) Folders.Delete(output, path);
    }

    /// <param name="kept">Gets the path when what is there is committed as it is. Code may write the
    /// same folder again, and then it is another checkpoint.</param>
    /// <returns>False when the attempt was replaced.</returns>
    private async Task<bool> Take(long step, string path, UnixTime changed, bool atEnd, HashSet<string> kept, CancellationToken cancel)
    {
        var isAgain = committed.TryGetValue(step, out var last);
        if (isAgain && last.Path != path)
        {
            omissions.Add(path, $"step {step} is kept from {last.Path}");
            return true;
        }

        // What else is in it is said when it is whole: until then it may become a file.
        var found = PlainTree.Walk(output, path).ToList();
        var files = FilesOf(found);
        var look = LookOf(files);
        if (isAgain && look == last.Look) kept.Add(path);
        if ((isAgain && look == last.Look) || !IsWhole(path, files, look, atEnd)) return true;
        foreach (var file in found.Where(file => file.Problem is not null)) omissions.Add(file.Path, file.Problem!);
        if (files.Count == 0) return true;
        var saved = files.Select(file => file.State.Changed).Append(changed).Max(change => change.Ticks);
        if (!await Commit(new(step, At(saved), before[path]), path, files, look, last.Saves + 1, cancel)) return false;
        committed[step] = (path, look, last.Saves + 1);
        kept.Add(path);

        // Written again, it holds nothing that was logged before this.
        before[path] = looked;
        return true;
    }

    /// <summary>At the end of the attempt: deletes what is left of checkpoints that the record does not name, also of attempts that died.</summary>
    public Task SweepAll(CancellationToken cancel) => named.Count == 0 ? Task.CompletedTask : Sweep(everywhere: true, cancel);

    private async Task Sweep(bool everywhere, CancellationToken cancel)
    {
        if (await retry.Execute(() => sweep.Needed(named.Select(checkpoint => checkpoint.Manifest), cancel), cancel) is not { } needed) return;

        // Before they are gone: the next checkpoint must not count on them.
        foreach (var (hash, _) in stored.Where(piece => !needed.Contains(piece.Value)).ToList()) stored.Remove(hash);
        await retry.Execute(Delete, cancel);

        async Task<bool> Delete()
        {
            await sweep.Delete(needed, everywhere, cancel);
            return true;
        }
    }

    // A clock that was set, or that of another machine whose disk this is, says nothing.
    private DateTimeOffset At(long ticks)
    {
        var now = time.GetUtcNow();
        return ticks < now.UtcTicks ? new(ticks, TimeSpan.Zero) : now;
    }

    private List<(long Step, string Path, UnixTime Changed)> Steps(bool atEnd)
    {
        var steps = new List<(long Step, string Path, UnixTime Changed)>();
        try
        {
            using var folder = PlainFolder.Open(output);
            using var checkpoints = folder?.Folder(ContractNames.Checkpoints);
            foreach (var entry in checkpoints?.Entries().Take(PlainTree.MaxEntries) ?? [])
            {
                var path = $"{ContractNames.Checkpoints}/{entry.Name}";
                var step = StepOf(entry.Name);
                if (step >= 0 && entry is { IsFolder: true, Problem: null }) steps.Add((step, path, entry.Look.State.Changed));
                else if (step >= 0 || (atEnd && !entry.Name.StartsWith('.'))) omissions.Add(
                    path, entry.Problem ?? "a checkpoint is a folder that is named by its step");
            }
        }
        catch (IOException problem) when (Omissions.IsOfOutput(problem))
        {
            omissions.Add(ContractNames.Checkpoints, problem.Message);
        }

        return [.. steps.OrderBy(step => step.Step).ThenBy(step => step.Path, StringComparer.Ordinal)];
    }

    private static long StepOf(string name) => long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1;

    private static List<FoundFile> FilesOf(IEnumerable<FoundFile> found) =>
        [.. found.Where(file => file.Problem is null).OrderBy(file => file.Path, StringComparer.Ordinal)];

    private static int LookOf(List<FoundFile> files)
    {
        var hash = new HashCode();
        foreach (var file in files) hash.Add(file);
        return hash.ToHashCode();
    }

    private bool IsWhole(string path, List<FoundFile> files, int look, bool atEnd)
    {
        if (atEnd || ReadInfo(path) is not null) return true;
        if (files.Count == 0) return false;
        if (settling.TryGetValue(path, out var before) && before.Look == look) return time.GetElapsedTime(before.Since) >= Settled;
        settling[path] = (look, time.GetTimestamp());
        return false;
    }

    private async Task<bool> Commit(SaveMoment save, string path, List<FoundFile> found, int look, int saves, CancellationToken cancel)
    {
        var (info, step) = (ReadInfo(path), save.Step);
        var place = await placeOf(save, info, cancel);
        var files = new List<CheckpointFile>();
        foreach (var file in found)
        {
            if (await Upload(path, file.Path, cancel) is { } uploaded) files.Add(uploaded);
        }

        if (files.Count == 0) return true;

        // Each file is as it was while it was read; but the folder may be another one by now, and some of them of the one before.
        if (LookOf(FilesOf(PlainTree.Walk(output, path))) != look) throw new IOException($"{path} was written while it was read");
        var key = WorkspacePaths.CheckpointManifest(run.Id, run.Epoch, step, saves);
        var manifest = new CheckpointManifest(step, run.Epoch, files) { Outputs = await UploadOutputs(cancel) };
        await retry.Execute(() => store.PutJson(key, manifest, PutCondition.IfAbsent, cancel: cancel), cancel);
        var made = new CheckpointRef(
            run.Epoch, step, key, files.Sum(file => file.LengthBytes), time.GetUtcNow(), place.Metrics, place.Log, place.Latest, place.MetricsUpTo);
        var stay = run.Spec.Checkpoints.KeptBeside(named, made);
        if (!await commit(made, stay)) return false;
        var count = named.Count;
        named = [.. named.Where(checkpoint => stay.Contains(checkpoint.Manifest)), made];
        if (named.Count <= count) await Sweep(everywhere: false, cancel);
        return true;
    }

    /// <returns>Null when it cannot be kept.</returns>
    private async Task<CheckpointFile?> Upload(string checkpoint, string path, CancellationToken cancel)
    {
        var relative = path[(checkpoint.Length + 1)..];
        try
        {
            if (ObjectKey.Problem(relative) is { } problem) throw new NotPlainException(problem);
            using var file = PlainFile.Open(output, path);
            return file is null ? null : await Upload(relative, file, cancel);
        }
        catch (NotPlainException problem)
        {
            omissions.Add(path, problem.Message);
            return null;
        }
    }

    private async Task<CheckpointFile> Upload(string relative, PlainFile file, CancellationToken cancel)
    {
        var uploaded = await Upload(relative, file.Content, cancel);
        return file.HasChanged ? throw new IOException($"{relative} was written while it was read") : uploaded;
    }

    /// <summary>As long as nothing changes in the list, it is the piece that is stored already.</summary>
    private async Task<CheckpointFile?> UploadOutputs(CancellationToken cancel) => await outputs(cancel) is { Count: > 0 } kept
        ? await Upload(KeptOutput.List, new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(kept, CoreJson.Options)), cancel)
        : null;

    private async Task<CheckpointFile> Upload(string relative, Stream content, CancellationToken cancel)
    {
        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunks = new List<Chunk>();
        foreach (var chunkLength in Chunking.Cut(relative, content))
        {
            var bytes = buffer.AsMemory(0, chunkLength);
            await content.ReadExactlyAsync(bytes, cancel);
            whole.AppendData(bytes.Span);
            chunks.Add(new(await Store(chunkLength, cancel), chunkLength));
        }

        return new(relative, content.Length, Convert.ToHexStringLower(whole.GetHashAndReset()), chunks);
    }

    /// <summary>Stores what is in the buffer.</summary>
    private async Task<string> Store(int length, CancellationToken cancel)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(buffer.AsSpan(0, length)));
        if (stored.TryGetValue(hash, out var there)) return there;
        var key = WorkspacePaths.CheckpointChunk(run.Id, run.Epoch, hash);
        await retry.Execute(
            () => store.Put(key, new MemoryStream(buffer, 0, length, writable: false), PutCondition.IfAbsent, cancel: cancel), cancel);
        stored[hash] = key;
        return key;
    }

    // What the SDK wrote, and nothing else of that name.
    private CheckpointInfo? ReadInfo(string path)
    {
        try
        {
            using var file = PlainFile.Open(output, $"{path}/{CheckpointFiles.Info}");
            var info = file is null ? null : JsonSerializer.Deserialize<CheckpointInfo>(file.ReadAll(MaxInfoBytes), CoreJson.Options);
            return info is { Metrics: { } metrics, MetricsBytes: >= 0 }
                ? info with { Metrics = metrics.Where(one => one.Key.Length <= MaxName).ToDictionary() }
                : null;
        }
        catch (Exception none) when (none is JsonException or NotPlainException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string HashOf(string key) => key[(key.LastIndexOf('/') + 1)..];
}
