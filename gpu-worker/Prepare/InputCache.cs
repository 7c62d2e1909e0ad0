using System.Globalization;
using System.Security.Cryptography;
using Serverless.Core.Storage.Folder;
using Serverless.Core;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Input files by content hash, fetched once per machine and given to runs as read-only hard links. Code that runs as root could write through one, to
/// others' inputs as well, and gets copies. A cached file whose length or time is no longer what it was is fetched again.
/// </summary>
/// <param name="links">Whether runs get links: their code cannot write to a file that is read-only.</param>
sealed class InputCache(string root, IIds ids, TimeProvider time, bool links)
{
    /// <summary>A file beside each cached one: what its length and time were; its own time is the last use.</summary>
    private const string SealSuffix = ".seal";
    private const int FetchingDegree = 8, HashLength = 64;

    /// <summary>Between a look at a cached file and the run's link to it.</summary>
    private static readonly TimeSpan BeingLinked = TimeSpan.FromMinutes(1);

    private readonly OwnFolder own = new(root);

    /// <summary>Puts an input under <paramref name="folder"/>.</summary>
    /// <exception cref="PreparationException">It is not what it was at submission.</exception>
    public async Task Materialize(IObjectStore store, InputRef input, string folder, CancellationToken cancel)
    {
        var path = input.Path.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal) ? input.Path[WorkspacePaths.Data.Length..] : input.Path;
        var target = Path.Combine(folder, path);
        NestedFolder.Make(folder, Path.GetDirectoryName(target)!);
        var key = input.Key ?? input.Path;
        var head = (await store.Head(key, cancel)).Value
            ?? throw new PreparationException(Cause.InputChanged, $"{input.Path} was deleted since submission");
        if (head.ETag != input.ETag && head.LengthBytes != input.LengthBytes) throw Changed(input.Path);

        // Another ETag with the same content is the same input: hashing decides. The cache vouches only for what was submitted.
        var cached = Cached(input.Sha256);
        if (head.ETag != input.ETag || !IsIntact(cached)) await Fetch(store, key, input.Sha256, input.Path, cancel);
        Give(cached, target);
    }

    /// <summary>Puts a version of a dataset under <paramref name="folder"/>, in a folder of its name.</summary>
    /// <exception cref="PreparationException">It was deleted, or a content of it is damaged.</exception>
    public async Task Materialize(IObjectStore store, DatasetRef dataset, string folder, CancellationToken cancel)
    {
        var version = await new DatasetCatalog(store).Get(dataset.Name, dataset.Number, cancel);
        if (version?.Sha256 != dataset.Sha256) throw new PreparationException(Cause.InputChanged, $"dataset {dataset} is no longer in the workspace");
        var several = new ParallelOptions { MaxDegreeOfParallelism = FetchingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(version.Files.DistinctBy(file => file.Sha256), several, async (file, stop) =>
        {
            if (!IsIntact(Cached(file.Sha256))) await Fetch(store, WorkspacePaths.Content(file.Sha256), file.Sha256, $"{file.Path} of dataset {dataset}", stop);
        });
        foreach (var file in version.Files)
        {
            var target = Path.Combine(folder, dataset.Name, ObjectKey.Checked(file.Path));
            NestedFolder.Make(folder, Path.GetDirectoryName(target)!);
            Give(Cached(file.Sha256), target);
        }
    }

    /// <summary>The files that there are. Runs that have one keep it: it is linked.</summary>
    public IEnumerable<CacheItem> Items()
    {
        if (!Directory.Exists(root) || own.MountOnTheWayTo(root) is not null) yield break;
        foreach (var seal in new DirectoryInfo(root).EnumerateFiles("*" + SealSuffix, SearchOption.AllDirectories))
        {
            var cached = new FileInfo(seal.FullName[..^SealSuffix.Length]);
            if (cached.Name.Length != HashLength || cached.FullName != Cached(cached.Name)) continue;
            yield return new(cached.Exists ? cached.Length : 0, seal.LastWriteTimeUtc, () => Remove(seal, cached));
        }
    }

    private bool Remove(FileInfo seal, FileInfo cached)
    {
        if (time.GetUtcNow() - seal.LastWriteTimeUtc < BeingLinked) return false;
        seal.Delete();
        cached.Delete();
        return true;
    }

    private string Cached(string sha256) => Path.Combine(root, sha256[..2], sha256);

    private async Task Fetch(IObjectStore store, string key, string sha256, string what, CancellationToken cancel)
    {
        var cached = Cached(sha256);
        own.Check(root);
        Folders.MakeCache(root);
        Posix.MakeFolder(Path.GetDirectoryName(cached)!);
        var part = $"{cached}.{ids.Nonce()}.part";
        try
        {
            await using var reading = await store.Open(key, cancel: cancel)
                ?? throw new PreparationException(Cause.InputChanged, $"{what} was deleted since submission");
            if (await Copy(reading.Body, part, cancel) != sha256) throw Changed(what);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(part, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            File.WriteAllText(cached + SealSuffix, Seal(part));
            File.Move(part, cached, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }

    private static async Task<string> Copy(Stream from, string to, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(to, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var buffer = new byte[1024 * 1024];
        int read;
        while ((read = await from.ReadAsync(buffer, cancel)) > 0)
        {
            hash.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), cancel);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private void Give(string cached, string target)
    {
        if (links && !OperatingSystem.IsWindows() && Native.Link(cached, target) == 0) return;
        File.Copy(cached, target, overwrite: true);
    }

    private bool IsIntact(string cached)
    {
        try
        {
            if (File.ReadAllText(cached + SealSuffix) != Seal(cached)) return false;
            File.SetLastWriteTimeUtc(cached + SealSuffix, time.GetUtcNow().UtcDateTime);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string Seal(string file)
    {
        var info = new FileInfo(file);
        return string.Create(CultureInfo.InvariantCulture, $"{info.Length} {info.LastWriteTimeUtc.Ticks}");
    }

    private static PreparationException Changed(string what) => new(Cause.InputChanged, $"{what} changed since submission");
}
