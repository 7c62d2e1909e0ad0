using System.Buffers;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage;

/// <summary>
/// Objects as plain files of a folder, each at its key's path: people open, copy and edit them with their own tools. Any number of processes of one
/// machine may use the folder at once. See docs/decisions/0010 for how a version is told from another, and what survives what.
/// </summary>
public sealed partial class FolderObjectStore : IObjectStore
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(10);

    private readonly TimeProvider time;
    private readonly StoreClock clock;
    private readonly FolderLayout layout;
    private readonly FolderFaults faults;
    private readonly Stripes stripes;
    private readonly Sidecars sidecars;
    private readonly TemporaryFiles temporary;
    private volatile bool made;
    private long swept;

    /// <param name="folder">Made when it is missing.</param>
    /// <param name="time">The store's clock, see <see cref="StoreClock"/>.</param>
    /// <param name="folders">
    /// Keys of folders, with '/' at their end, that belong to whoever uses the store: something else in the place of one is no other's object, but
    /// makes what belongs there unavailable.
    /// </param>
    public FolderObjectStore(string folder, TimeProvider time, IReadOnlyCollection<string>? folders = null)
    {
        this.time = time;
        clock = new(time);
        layout = new(folder, folders);
        faults = new(layout);
        stripes = new(layout);
        sidecars = new(layout);
        temporary = new(layout);
        try
        {
            Make();
            if (IsCopy) SweepMetadata();
        }
        catch (Exception e) when (e is StoreUnavailableException || faults.Of(e) is not null)
        {
            // Read-only, perhaps: reading works, and a write says what is wrong.
        }
    }

    public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel = default)
    {
        ObjectKey.Checked(key);
        cancel.ThrowIfCancellationRequested();
        return Task.FromResult(new StoreAnswer<StoredObject?>(faults.Guard(() => Look(key, open: false).Object), clock.Now));
    }

    public Task<ObjectReading?> Open(string key, ByteRange? range = null, CancellationToken cancel = default)
    {
        ObjectKey.Checked(key);
        cancel.ThrowIfCancellationRequested();
        var (found, file) = faults.Guard(() => Look(key, open: true));
        if (found is null || file is null) return Task.FromResult<ObjectReading?>(null);
        var start = Math.Min(range?.Offset ?? 0, found.LengthBytes);
        var length = Math.Min(range?.Length ?? long.MaxValue, found.LengthBytes - start);
        return Task.FromResult<ObjectReading?>(new(found, new RangeStream(file, start, length, faults, key), clock.Now));
    }

    public async Task<PutResult> Put(
        string key, Stream body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancel = default)
    {
        ObjectKey.Checked(key);
        cancel.ThrowIfCancellationRequested();
        var checkedMetadata = ObjectMetadata.Checked(metadata);
        if (Refused(key, condition) is { } refused) return refused;
        using var file = faults.Guard(NewFile);
        await Fill(file, body, cancel);
        return await Place(key, file, checkedMetadata, condition, cancel);
    }

    public async Task<PutResult> Copy(string from, string to, PutCondition condition = default, CancellationToken cancel = default)
    {
        ObjectKey.Checked(to);
        await using var source = await Open(from, cancel: cancel);
        if (source is null) return new(PutOutcome.SourceMissing, null, clock.Now);
        if (Refused(to, condition) is { } refused) return refused;
        using var file = faults.Guard(NewFile);
        await Fill(file, source.Body, cancel);
        return await Place(to, file, source.Object.Metadata, condition, cancel);
    }

    public async Task<DeleteOutcome> Delete(string key, string? ifMatch = null, CancellationToken cancel = default)
    {
        ObjectKey.Checked(key);
        cancel.ThrowIfCancellationRequested();
        if (faults.Guard(() => Current(key)) is null) return DeleteOutcome.Missing;

        using (var stripe = await Take(key, cancel))
        {
            var outcome = faults.Guard(() =>
            {
                if (Current(key) is not { } current) return DeleteOutcome.Missing;
                if (ifMatch is not null && ifMatch != current.ETag) return DeleteOutcome.Conflict;
                stripe.Set(stripe.State with { Deleted = Math.Max(stripe.State.Deleted, current.Ticks) });
                File.Delete(layout.PathOf(key));
                sidecars.Remove(key, current);
                layout.RemoveEmptyFoldersOf(key);
                return DeleteOutcome.Deleted;
            });
            if (outcome != DeleteOutcome.Deleted) return outcome;
        }

        await Durably(() => layout.Sync(Path.GetDirectoryName(layout.PathOf(key))!));
        return DeleteOutcome.Deleted;
    }

    // One version of the object, its metadata and, when asked for, its open file.
    private (StoredObject? Object, SafeFileHandle? File) Look(string key, bool open)
    {
        while (true)
        {
            if (Current(key) is not { } version) return default;

            SafeFileHandle? file = null;
            try
            {
                if (open) file = OpenToRead(key);
                var metadata = sidecars.Read(key, version);

                // The file itself is looked at last: when no append was under way just before and it is
                // still the same version, then so is all that was read between.
                var append = stripes.AppendOf(key);
                if (FileVersion.Of(layout.PathOf(key), out var change) is { } now)
                {
                    if (append?.Before(now.LengthBytes) is { } before) return (Describe(key, before, ObjectMetadata.None), Kept(ref file));
                    if (now == version) return (Describe(key, version, metadata) with { Change = change }, Kept(ref file));
                }
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // Deleted meanwhile: look again.
            }
            finally
            {
                file?.Dispose();
            }
        }
    }

    private SafeFileHandle OpenToRead(string key)
    {
        try
        {
            return FileCalls.OpenPath(layout.PathOf(key));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException { HResult: Posix.EIO })
        {
            throw new UnreadableObjectException(
                key, e is IOException ? "its disk cannot read it" : "the user of this process may not read it; see its permissions", e);
        }
    }

    private static SafeFileHandle? Kept(ref SafeFileHandle? file)
    {
        var kept = file;
        file = null;
        return kept;
    }

    private StoredObject Describe(string key, FileVersion version, IReadOnlyDictionary<string, string> metadata) =>
        new(key, version.ETag, version.LengthBytes, clock.Written(key, version), metadata);

    // Once only: a folder that goes away later is not made again, as if it had been empty.
    private void Make()
    {
        if (made) return;
        Directory.CreateDirectory(layout.Temporary);
        Directory.CreateDirectory(layout.Locks);
        Directory.CreateDirectory(layout.Metadata);
        stripes.Make();
        made = true;
    }

    private TemporaryFile NewFile()
    {
        Make();
        return temporary.Create();
    }

    /// <summary>Null when there is no such object; a store that is away has no objects to look for.</summary>
    private FileVersion? Current(string key)
    {
        if (layout.Find(key) is { } found) return found;
        ThrowIfGone();
        return null;
    }

    private void ThrowIfGone()
    {
        if (!Directory.Exists(made ? layout.Own : layout.Root)) throw faults.Gone();
    }

    private async ValueTask<Stripe> Take(string key, CancellationToken cancel)
    {
        try
        {
            Make();
            return await stripes.Take(key, cancel);
        }
        catch (Exception e) when (faults.Of(e) is { } fault)
        {
            throw fault;
        }
    }

    private async Task Durably(Action sync)
    {
        try
        {
            await DiskThreads.Shared.Run(sync);
        }
        catch (Exception e) when (faults.Of(e) is { } fault)
        {
            throw fault;
        }
    }

    private async Task Fill(TemporaryFile file, Stream body, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(256 * 1024);
        try
        {
            while (await body.ReadAsync(buffer, cancel) is var read and > 0) faults.Guard(() => file.Write(buffer.AsSpan(0, read)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
