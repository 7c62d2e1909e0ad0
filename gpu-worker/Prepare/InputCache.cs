using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Serverless.Core;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>How runs get their inputs.</summary>
enum InputWay
{
    /// <summary>By read-only hard links: the code is another user's, and cannot write to them.</summary>
    Link,

    /// <summary>
    /// By copies where they are small or the file system shares blocks, else by read-only hard links: the code is the files' owner, and can make them
    /// writable.
    /// </summary>
    CopySmall,

    /// <summary>By copies: the code is root, and read-only means nothing to it.</summary>
    Copy,
}

/// <summary>
/// Input files by content hash, fetched once per machine. What a run is given has that hash: a small file is read for it each time, a large one when
/// it is not as its seal says. Any other is fetched again.
/// </summary>
sealed class InputCache(string root, IIds ids, TimeProvider time, InputWay way)
{
    /// <summary>A file beside each cached one: what it was when its hash was last known; its own time is the last use.</summary>
    private const string SealSuffix = ".seal";
    private const string AnotherContent = "it has another content";
    private const int FetchingDegree = 8, HashLength = 64, MostOfSeal = 4096;

    /// <summary>Up to this, a file is read or copied for each run.</summary>
    private const long MaxSmallBytes = 64L << 20;

    /// <summary>Between a look at a cached file and the run's link to it.</summary>
    private static readonly TimeSpan BeingLinked = TimeSpan.FromMinutes(1);

    private readonly OwnFolder own = new(root);

    /// <param name="user">Whom code runs as; null: as this process does.</param>
    public static InputWay WayFor(CodeUser? user) =>
        user is not null ? InputWay.Link : Environment.IsPrivilegedProcess ? InputWay.Copy : InputWay.CopySmall;

    /// <summary>Puts an input into the attempt's folder.</summary>
    /// <param name="say">Takes a line when what there was could not be used.</param>
    /// <exception cref="PreparationException">It is not what it was at submission.</exception>
    public async Task Materialize(IObjectStore store, InputRef input, WorkFolder work, Action<string> say, CancellationToken cancel)
    {
        var path = input.Path.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal) ? input.Path[WorkspacePaths.Data.Length..] : input.Path;
        var key = input.Key ?? input.Path;
        var head = (await store.Head(key, cancel)).Value
            ?? throw new PreparationException(Cause.InputChanged, $"{input.Path} was deleted since submission");
        if (head.ETag != input.ETag && head.LengthBytes != input.LengthBytes) throw Changed(input.Path);
        var source = new Source(store, key, input.Sha256, input.Path);

        // Another ETag with the same content is the same input: hashing decides. The cache vouches only for what was submitted.
        if (head.ETag != input.ETag)
        {
            MakeFolder(input.Sha256);
            await Fetch(source, cancel);
        }

        await Give(source, path, work, say, cancel);
    }

    /// <summary>Puts a version of a dataset into the attempt's folder, in a folder of its name.</summary>
    /// <exception cref="PreparationException">It was deleted, or a content of it is damaged.</exception>
    public async Task Materialize(IObjectStore store, DatasetRef dataset, WorkFolder work, Action<string> say, CancellationToken cancel)
    {
        var version = await new DatasetCatalog(store).Get(dataset.Name, dataset.Number, cancel);
        if (version?.Sha256 != dataset.Sha256) throw new PreparationException(Cause.InputChanged, $"dataset {dataset} is no longer in the workspace");
        var several = new ParallelOptions { MaxDegreeOfParallelism = FetchingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(version.Files.GroupBy(file => file.Sha256), several, async (same, stop) =>
        {
            foreach (var file in same)
            {
                var source = new Source(store, WorkspacePaths.Content(file.Sha256), file.Sha256, $"{file.Path} of dataset {dataset}");
                await Give(source, Path.Combine(dataset.Name, ObjectKey.Checked(file.Path)), work, say, stop);
            }
        });
    }

    /// <summary>The files that there are. Runs that have one keep it: it is linked.</summary>
    public IEnumerable<CacheItem> Items()
    {
        if (!Directory.Exists(root) || own.MountOnTheWayTo(root) is not null) yield break;
        foreach (var seal in new DirectoryInfo(root).EnumerateFiles("*" + SealSuffix, Folders.Below))
        {
            var cached = new FileInfo(seal.FullName[..^SealSuffix.Length]);
            if (cached.Name.Length != HashLength || cached.FullName != Cached(cached.Name)) continue;
            yield return new(cached.Exists ? cached.Length : 0, seal.LastWriteTimeUtc, () => Remove(seal, cached));
        }
    }

    private bool Remove(FileInfo seal, FileInfo cached)
    {
        // One from the future was made before the clock was set back.
        if ((time.GetUtcNow() - seal.LastWriteTimeUtc).Duration() < BeingLinked) return false;
        seal.Delete();
        own.Delete(cached.FullName);
        return true;
    }

    private string Cached(string sha256) => Path.Combine(root, sha256[..2], sha256);

    private void MakeFolder(string sha256)
    {
        own.Check(root);
        Folders.MakeCache(root);
        Folders.MakeUsable(Path.GetDirectoryName(Cached(sha256))!);
    }

    private async Task Give(Source source, string path, WorkFolder work, Action<string> say, CancellationToken cancel)
    {
        var (cached, target) = (Cached(source.Sha256), Path.Combine(work.Inputs, path));
        MakeFolder(source.Sha256);
        NestedFolder.Make(work.Inputs, Path.GetDirectoryName(target)!);
        for (var fetched = false; ; fetched = true)
        {
            if (TryGive(source, cached, target, work, cancel) is not { } wrong) return;
            if (fetched) throw new IOException($"{cached} cannot be used as soon as it was written: {wrong}");
            if (wrong.Length > 0) say($"the input {source.What} in the worker's cache is not what was put there, and is fetched again: {wrong}");
            await Fetch(source, cancel);
        }
    }

    // Null when it was given; else why not, empty when there is none.
    private string? TryGive(Source source, string cached, string target, WorkFolder work, CancellationToken cancel)
    {
        var seal = cached + SealSuffix;
        Folders.MendFile(seal);
        var look = FileCalls.LookAt(cached);
        if (look.Kind == FileKind.Missing) return "";
        if (look.Problem is { } problem) return problem;
        try
        {
            using var file = PlainFile.Open(Path.GetDirectoryName(cached)!, Path.GetFileName(cached));
            if (file is null) return "";
            var isLarge = file.LengthBytes > MaxSmallBytes;
            var copies = way == InputWay.Copy || (way == InputWay.CopySmall && !isLarge);
            var isKnown = isLarge && ReadSeal(seal) == SealOf(file.State);
            if (!isKnown && !copies) isKnown = Hash(file, into: null, cancel) == source.Sha256;
            if (!isKnown && !copies) return AnotherContent;
            if (!isLarge || !isKnown || !Share(file, target))
            {
                if (copies && Copy(file, target, cancel) != source.Sha256) return AnotherContent;
                if (!copies) Link(source, cached, target, work);
            }

            if (isLarge || !File.Exists(seal)) WriteSeal(seal, cached);
            File.SetLastWriteTimeUtc(seal, time.GetUtcNow().UtcDateTime);
            return null;
        }
        catch (NotPlainException unreadable)
        {
            return unreadable.Message;
        }
    }

    private static bool Share(PlainFile file, string target)
    {
        // Anew: what an earlier try has left cannot be written to.
        File.Delete(target);
        using (var copy = new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            if (file.ShareWith(copy.SafeFileHandle))
            {
                Close(copy);
                return true;
            }
        }

        File.Delete(target);
        return false;
    }

    private static string Copy(PlainFile file, string target, CancellationToken cancel)
    {
        File.Delete(target);
        using var copy = new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        Close(copy);
        return Hash(file, copy, cancel);
    }

    private void Link(Source source, string cached, string target, WorkFolder work)
    {
        if (OperatingSystem.IsWindows() || Native.Link(cached, target) != 0) File.Copy(cached, target, overwrite: true);
        else if (way == InputWay.CopySmall) work.Keep(new LinkedInput(source.What, target, source.Sha256));
    }

    private async Task Fetch(Source source, CancellationToken cancel)
    {
        var cached = Cached(source.Sha256);
        var part = $"{cached}.{ids.Nonce()}.part";
        try
        {
            await using var reading = await source.Store.Open(source.Key, cancel: cancel)
                ?? throw new PreparationException(Cause.InputChanged, $"{source.What} was deleted since submission");
            if (await Copy(reading.Body, part, cancel) != source.Sha256) throw Changed(source.What);
            Folders.MendFile(cached);
            Folders.MendFile(cached + SealSuffix);
            File.Move(part, cached, overwrite: true);
            WriteSeal(cached + SealSuffix, cached);
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
        Close(file);
        var buffer = new byte[1024 * 1024];
        int read;
        while ((read = await from.ReadAsync(buffer, cancel)) > 0)
        {
            hash.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), cancel);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string Hash(PlainFile file, Stream? into, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(file.LengthBytes, 1, 1024 * 1024));
        try
        {
            for (int read; (read = file.Content.Read(buffer)) > 0;)
            {
                cancel.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
                into?.Write(buffer, 0, read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // Only for who opens it from now on.
    private static void Close(FileStream file)
    {
        if (OperatingSystem.IsWindows()) return;
        File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    private void WriteSeal(string seal, string cached) => File.WriteAllText(seal, SealOf(FileCalls.LookAt(cached).State));

    // What is no file of that size was not written here.
    private static string ReadSeal(string seal)
    {
        try
        {
            using var file = PlainFile.Open(Path.GetDirectoryName(seal)!, Path.GetFileName(seal));
            return file is null ? "" : Encoding.UTF8.GetString(file.ReadAll(MostOfSeal));
        }
        catch (NotPlainException)
        {
            return "";
        }
    }

    // Links change the time of the last change. Where the code cannot write, it says no more than the other times do.
    private string SealOf(FileState state)
    {
        var (modified, changed) = (state.Modified, way == InputWay.Link ? default : state.Changed);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{state.LengthBytes} {modified.Seconds}.{modified.Nanoseconds:d9} {changed.Seconds}.{changed.Nanoseconds:d9}");
    }

    private static PreparationException Changed(string what) => new(Cause.InputChanged, $"{what} changed since submission");

    /// <summary>Where a content is in the workspace.</summary>
    /// <param name="What">What people call it.</param>
    private sealed record Source(IObjectStore Store, string Key, string Sha256, string What);
}
