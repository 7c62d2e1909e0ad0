using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Keys are divided among a few locks, each a file locked by flock(2): writers of one stripe take turns, in every process, and the kernel frees the
/// lock of a process that is killed. It is held for the microseconds between looking and renaming, never for an fsync. Readers take none.
/// </summary>
internal sealed class Stripes(FolderLayout layout, TimeSpan? patience = null)
{
    private const int Count = 64;

    // Only a stopped process can hold a lock this long.
    private readonly TimeSpan patience = patience ?? TimeSpan.FromSeconds(10);

    private readonly Lane[] lanes = [.. Enumerable.Range(0, Count).Select(i => new Lane(Path.Combine(layout.Locks, i.ToString("D2", null))))];
    private readonly Lock opening = new();
    private volatile SafeFileHandle? reading;
    private volatile SafeFileHandle? writing;

    /// <summary>
    /// Makes the file of the states at its full size: on a full disk what is there can still be overwritten, so that objects can be deleted.
    /// </summary>
    public void Make()
    {
        if (File.Exists(layout.Stripes)) return;
        var made = $"{layout.Stripes}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        try
        {
            File.WriteAllBytes(made, new byte[Count * StripeState.Bytes]);
            File.Move(made, layout.Stripes, overwrite: false);
        }
        catch (IOException) when (File.Exists(layout.Stripes))
        {
            // Another process was first.
        }
        finally
        {
            File.Delete(made);
        }
    }

    /// <summary>Waits for the key's lock. What a killed process left half done in this stripe is undone first.</summary>
    public async ValueTask<Stripe> Take(string key, CancellationToken cancel)
    {
        // Waiting for other processes is about this machine, not about the store's clock.
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        var number = Of(key);
        var lane = lanes[number];
        if (!await lane.Gate.WaitAsync(patience, cancel)) throw Stuck(lane);
        IDisposable? held = null;
        try
        {
            var file = lane.File ??= Posix.OpenLock(lane.Path);
            for (var tries = 0; (held = Posix.TryLock(file, lane.Path)) is null; tries++)
            {
                if (clock.GetElapsedTime(start) > patience) throw Stuck(lane);
                if (tries < 50) Thread.Yield();
                else await Task.Delay(TimeSpan.FromMilliseconds(1), clock, cancel);
            }

            var stripe = new Stripe(this, number, held, lane.Gate);
            stripe.Recover(layout);
            return stripe;
        }
        catch
        {
            held?.Dispose();
            lane.Gate.Release();
            throw;
        }
    }

    /// <summary>The append that is under way for the key, or was when its process died.</summary>
    public AppendIntent? AppendOf(string key) => Read(Of(key)).Append is { } append && append.Key == key ? append : null;

    public StripeState Read(int number)
    {
        if (Open(toWrite: false) is not { } file) return default;
        Span<byte> slot = stackalloc byte[StripeState.Bytes];
        for (var tries = 0; tries < 1000; tries++)
        {
            slot.Clear();
            RandomAccess.Read(file, slot, (long)number * StripeState.Bytes);
            if (StripeState.TryRead(slot, out var state)) return state;
            Thread.Yield();
        }

        // Nobody is writing it: the machine lost power in the middle. Whatever was under way was not acknowledged.
        return default;
    }

    public void Write(int number, StripeState state)
    {
        Span<byte> slot = stackalloc byte[StripeState.Bytes];
        state.Write(slot);
        RandomAccess.Write(Open(toWrite: true)!, slot, (long)number * StripeState.Bytes);
    }

    /// <summary>Makes what was written durable: an intent that was taken back must not come again after a power loss.</summary>
    public void Sync() => Posix.SyncData(Open(toWrite: true)!);

    public static int Of(string key)
    {
        Span<byte> bytes = stackalloc byte[1024];
        var sum = StripeState.Sum(bytes[..Encoding.UTF8.GetBytes(key, bytes)]);
        return (int)((sum >> 32) % Count);
    }

    private SafeFileHandle? Open(bool toWrite)
    {
        const FileShare shared = FileShare.ReadWrite | FileShare.Delete;
        if (Opened(toWrite) is { } ready) return ready;
        lock (opening)
        {
            if (Opened(toWrite) is { } opened) return opened;
            if (!toWrite)
            {
                return File.Exists(layout.Stripes) ? reading = File.OpenHandle(layout.Stripes, FileMode.Open, FileAccess.Read, shared) : null;
            }

            Make();
            return writing = File.OpenHandle(layout.Stripes, FileMode.Open, FileAccess.ReadWrite, shared);
        }
    }

    private SafeFileHandle? Opened(bool toWrite) => writing ?? (toWrite ? null : reading);

    private StoreUnavailableException Stuck(Lane lane)
    {
        var holder = lane.File is { } file ? LockHolder.Of(file) : null;
        return new(
            $"{lane.Path} has been locked for more than {patience.TotalSeconds:0} s: {holder ?? "is a process that uses the folder stopped?"}");
    }

    private sealed class Lane(string path)
    {
        public string Path { get; } = path;

        public SemaphoreSlim Gate { get; } = new(1, 1);

        public SafeFileHandle? File { get; set; }
    }
}

/// <summary>A stripe of keys, held by this process alone until disposed.</summary>
internal sealed class Stripe(Stripes all, int number, IDisposable held, SemaphoreSlim gate) : IDisposable
{
    public StripeState State { get; private set; }

    public void Set(StripeState state)
    {
        all.Write(number, state);
        State = state;
    }

    /// <summary>Takes an append back that its process did not finish.</summary>
    public void Recover(FolderLayout layout)
    {
        State = all.Read(number);
        if (State.Append is not { } append) return;
        var path = layout.PathOf(append.Key);
        if (layout.Find(append.Key) is { } found && append.Before(found.LengthBytes) is { } before)
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.SetLength(file, before.LengthBytes);
            File.SetLastWriteTimeUtc(file, new DateTime(before.Ticks, DateTimeKind.Utc));
        }

        Set(State with { Append = null });
    }

    public void Dispose()
    {
        held.Dispose();
        gate.Release();
    }
}
