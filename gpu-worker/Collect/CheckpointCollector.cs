using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Turns checkpoint folders into committed checkpoints: pieces and manifest are stored first, then one write of the record makes it exist, together
/// with how far metrics and log had got when it was saved.
/// </summary>
/// <param name="commit">Applies the commit to the record, given the manifests that stay beside it; false when this attempt was replaced.</param>
sealed class CheckpointCollector(
    IObjectStore store, RunRecord run, WorkFolder folder, IEnumerable<CheckpointManifest> known, MetricCollector metrics, LogCollector log, Persistence persistence, TimeProvider time,
    Func<CheckpointRef, IReadOnlyList<string>, Task<bool>> commit)
{
    /// <summary>Code that does not rename whole folders into place is given this long to write no more.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(1);

    /// <summary>The marker was printed before the folder got its name; this is only about reading it.</summary>
    private static readonly TimeSpan MarkerPatience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, string> stored = known.SelectMany(manifest => manifest.Files).SelectMany(file => file.Chunks)
        .GroupBy(chunk => HashOf(chunk.Key), StringComparer.Ordinal).ToDictionary(same => same.Key, same => same.First().Key, StringComparer.Ordinal);

    private readonly HashSet<long> committed = [];
    private readonly CheckpointSweep sweep = new(store, run.Id, run.Epoch);

    /// <summary>What the record names. Nobody else changes that while this attempt has the run.</summary>
    private IReadOnlyList<CheckpointRef> named = run.Checkpoints;
    private readonly Dictionary<string, (string Look, DateTimeOffset Since)> settling = new(StringComparer.Ordinal);

    /// <summary>Commits the checkpoints that are whole, oldest first.</summary>
    /// <param name="atEnd">Nobody writes any more: what is there is taken as it is.</param>
    public async Task Collect(bool atEnd, CancellationToken cancel)
    {
        foreach (var (step, path) in Steps())
        {
            if (committed.Contains(step)) continue;
            if (!IsWhole(path, atEnd)) continue;
            if (!await Commit(step, path, cancel)) return;
            committed.Add(step);
        }

        // The newest stays: code may look at it. Older ones are in the workspace now.
        foreach (var (step, path) in Steps().SkipLast(1))
        {
            if (committed.Contains(step)) Folders.Delete(path);
        }
    }

    /// <summary>At the end of the attempt: deletes what is left of checkpoints that the record does not name, also of attempts that died.</summary>
    public Task SweepAll(CancellationToken cancel) => named.Count == 0 ? Task.CompletedTask : Sweep(everywhere: true, cancel);

    private async Task Sweep(bool everywhere, CancellationToken cancel)
    {
        if (await persistence.Insist(() => sweep.Needed(named.Select(checkpoint => checkpoint.Manifest), cancel), cancel) is not { } needed) return;

        // Before they are gone: the next checkpoint must not count on them.
        foreach (var (hash, _) in stored.Where(piece => !needed.Contains(piece.Value)).ToList()) stored.Remove(hash);
        await persistence.Insist(Delete, cancel);

        async Task<bool> Delete()
        {
            await sweep.Delete(needed, everywhere, cancel);
            return true;
        }
    }

    private List<(long Step, string Path)> Steps()
    {
        try
        {
            return [.. Directory.EnumerateDirectories(folder.Checkpoints)
                .Select(path => (Step: StepOf(path), Path: path))
                .Where(found => found.Step >= 0 && new DirectoryInfo(found.Path).LinkTarget is null)
                .OrderBy(found => found.Step)];
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static long StepOf(string path) =>
        long.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1;

    private bool IsWhole(string path, bool atEnd)
    {
        if (File.Exists(Path.Combine(path, CheckpointFiles.Info))) return true;
        var files = Files(path);
        if (files.Count == 0) return false;
        if (atEnd) return true;
        var look = string.Join('|', files.Select(file => $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}"));
        var now = time.GetUtcNow();
        if (settling.TryGetValue(path, out var before) && before.Look == look) return now - before.Since >= Settled;
        settling[path] = (look, now);
        return false;
    }

    private async Task<bool> Commit(long step, string path, CancellationToken cancel)
    {
        var info = ReadInfo(path);
        var metricsPlace = await metrics.PlaceOf(info?.MetricsBytes, step, cancel);
        var logPlace = await log.PlaceOf(info?.Marker ?? "", info?.Marker is null ? TimeSpan.Zero : MarkerPatience, time, cancel);
        var files = new List<CheckpointFile>();
        foreach (var file in Files(path))
        {
            var relative = Path.GetRelativePath(path, file.FullName);
            if (await Upload(relative, file.FullName, cancel) is { } uploaded) files.Add(uploaded);
        }

        var key = WorkspacePaths.CheckpointManifest(run.Id, run.Epoch, step);
        await persistence.Insist(() => store.PutJson(key, new CheckpointManifest(step, run.Epoch, files), PutCondition.IfAbsent, cancel: cancel), cancel);
        var made = new CheckpointRef(run.Epoch, step, key, files.Sum(file => file.LengthBytes), time.GetUtcNow(), metricsPlace, logPlace, info?.Metrics ?? metrics.Latest.ToDictionary());
        var stay = run.Spec.Checkpoints.KeptBeside(named, made);
        if (!await commit(made, stay)) return false;
        var before = named.Count;
        named = [.. named.Where(checkpoint => stay.Contains(checkpoint.Manifest)), made];
        if (named.Count <= before) await Sweep(everywhere: false, cancel);
        return true;
    }

    private async Task<CheckpointFile?> Upload(string relative, string path, CancellationToken cancel)
    {
        if (ObjectKey.Problem(relative) is { } problem)
        {
            log.Say($"the checkpoint's file {relative} is not kept: {problem}");
            return null;
        }

        await using var file = Native.OpenWithoutFollowing(path, folder.Output);
        if (file is null) return null;
        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunks = new List<Chunk>();
        long length = 0;
        foreach (var chunkLength in Chunking.Cut(path, file))
        {
            var bytes = new byte[chunkLength];
            await file.ReadExactlyAsync(bytes, cancel);
            whole.AppendData(bytes);
            length += chunkLength;
            chunks.Add(new(await Store(bytes, cancel), chunkLength));
        }

        return new(relative, length, Convert.ToHexStringLower(whole.GetHashAndReset()), chunks);
    }

    private async Task<string> Store(byte[] bytes, CancellationToken cancel)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        if (stored.TryGetValue(hash, out var there)) return there;
        var key = WorkspacePaths.CheckpointChunk(run.Id, run.Epoch, hash);
        await persistence.Insist(() => store.Put(key, bytes, PutCondition.IfAbsent, cancel: cancel), cancel);
        stored[hash] = key;
        return key;
    }

    private static CheckpointInfo? ReadInfo(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<CheckpointInfo>(File.ReadAllBytes(Path.Combine(path, CheckpointFiles.Info)), CoreJson.Options);
        }
        catch (Exception none) when (none is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static List<FileInfo> Files(string path)
    {
        try
        {
            return [.. new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories)
                .Where(file => file.LinkTarget is null).OrderBy(file => file.FullName, StringComparer.Ordinal)];
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string HashOf(string key) => key[(key.LastIndexOf('/') + 1)..];
}
