using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage;

public sealed partial class FolderObjectStore
{
    // Leases count from an object's time. When the disk or the lock took longer than this, the time is set once more, for the price of another fsync.
    private static readonly TimeSpan Staleness = TimeSpan.FromMilliseconds(10);

    public async Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel = default)
    {
        ObjectKey.Checked(key);
        cancel.ThrowIfCancellationRequested();
        ArgumentOutOfRangeException.ThrowIfNegative(expectedOffset);
        if (bytes.Length > Limits.AppendBlockBytes)
        {
            throw new ArgumentException($"{bytes.Length} bytes are too many for one append; at most {Limits.AppendBlockBytes}", nameof(bytes));
        }

        if (faults.Guard(() => Current(key)) is null)
        {
            if (expectedOffset != 0) return new(false, 0);

            // The first bytes appear together with the name.
            using var first = faults.Guard(NewFile);
            faults.Guard(() => first.Write(bytes.Span));
            if ((await Place(key, first, ObjectMetadata.None, PutCondition.IfAbsent, cancel)).Stored) return new(true, bytes.Length);
        }

        using var file = new AppendedFile(layout);
        using (var stripe = await Take(key, cancel))
        {
            if (faults.Guard(
                () => file.Append(Current(key), key, expectedOffset, bytes.Span, stripe, Floor, clock.Now.UtcTicks)) is { Appended: false } refused)
            {
                return refused;
            }
        }

        await Durably(() =>
        {
            file.Sync();
            stripes.Sync();
        });
        return new(true, expectedOffset + bytes.Length);
    }

    // What can be said without writing anything. It was true at this moment, which is all that a condition asks.
    private PutResult? Refused(string key, PutCondition condition) => condition == default ? null : faults.Guard(() =>
    {
        var current = Look(key, open: false).Object;
        return Refusal(condition, current?.ETag);
    });

    private PutResult? Refusal(PutCondition condition, string? etag) =>
        condition.MustBeAbsent && etag is not null ? new(PutOutcome.Exists, null, clock.Now)
        : condition.ETag is not null && condition.ETag != etag ? new(PutOutcome.Conflict, null, clock.Now)
        : null;

    // Everything is durable under a temporary name before the lock is taken; then the rename is the commit.
    private async Task<PutResult> Place(
        string key, TemporaryFile file, IReadOnlyDictionary<string, string> metadata, PutCondition condition, CancellationToken cancel)
    {
        using var sidecar = metadata.Count == 0 ? null : faults.Guard(() =>
        {
            var written = temporary.Create();
            Sidecars.Write(written, key, ContentSample.Of(file.Handle), metadata);
            return written;
        });
        var version = faults.Guard(() => file.Stamp(clock.Now.UtcTicks));
        await Durably(() =>
        {
            if (sidecar is not null) RandomAccess.FlushToDisk(sidecar.Handle);
            RandomAccess.FlushToDisk(file.Handle);
        });

        List<string> changed;
        var stampedAgain = false;
        using (var stripe = await Take(key, cancel))
        {
            var current = faults.Guard(() => Current(key));
            if (Refusal(condition, current?.ETag) is { } refused) return refused;
            changed = faults.Guard(() =>
            {
                var floor = Floor(Math.Max(current?.Ticks ?? 0, stripe.State.Deleted));
                var now = clock.Now.UtcTicks;
                if (version.Ticks <= floor || version.Ticks < now - Staleness.Ticks)
                {
                    version = file.Stamp(Math.Max(now, floor + 1), floor);
                    stampedAgain = true;
                }

                var folders = layout.MakeFoldersOf(key);
                if (sidecar is null) sidecars.Remove(key, version);
                else folders.Add(sidecars.Place(sidecar, key, version));
                try
                {
                    Commit(file, key);
                }
                catch
                {
                    sidecars.Remove(key, version);
                    throw;
                }

                if (current is { } replaced) sidecars.Remove(key, replaced);
                return folders;
            });
        }

        await Durably(() =>
        {
            if (stampedAgain) RandomAccess.FlushToDisk(file.Handle);
            foreach (var folder in changed) layout.Sync(folder);
        });
        SweepSometimes();
        var change = OperatingSystem.IsLinux() ? FileVersion.ChangeOf(FileCalls.Look(file.Handle).State) : null;
        return new(PutOutcome.Stored, Describe(key, version, metadata) with { Change = change }, clock.Now);
    }

    private void Commit(TemporaryFile file, string key)
    {
        var path = layout.PathOf(key);
        for (var tries = 0; ; tries++)
        {
            var error = file.MoveTo(path);
            if (error == 0) return;
            if (error == Posix.EISDIR)
            {
                if (Posix.RemoveEmpty(path)) continue;
                throw new KeyConflictException(key, $"'{key}' is a folder of other objects");
            }

            // The folder was empty and somebody who deleted the last object in it removed it.
            if (error != Posix.ENOENT || tries == 100) throw Posix.Error(error, path);
            ThrowIfGone();
            layout.MakeFoldersOf(key);
        }
    }

    // A version must be later than the ones before it. When those are from the future (the clock was set back, a file came from another machine),
    // being different is enough, or every later version would be from the future as well.
    private long Floor(long latest) => latest > clock.Now.UtcTicks + TimeSpan.TicksPerSecond ? 0 : latest;

    private void SweepSometimes()
    {
        var now = time.GetTimestamp();
        var last = Interlocked.Read(ref swept);
        if (last != 0 && time.GetElapsedTime(last, now) < SweepEvery) return;
        if (Interlocked.CompareExchange(ref swept, now, last) != last) return;
        _ = DiskThreads.Shared.Run(Sweep);
    }
}
