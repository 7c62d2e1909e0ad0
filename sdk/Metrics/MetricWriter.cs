using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using Serverless.Contract;

namespace Serverless.Metrics;

/// <summary>
/// Takes values from any thread at the cost of a clock read and a short lock, and writes them to a metric stream from a thread of its own, every 50
/// ms. Values are never dropped: the buffer grows, and at 2^20 waiting values (32 MB) the logging thread writes them itself, which slows it to the
/// disk's speed. What could not be written (disk full) is kept and tried again; <see cref="Flush"/> throws as long as it cannot.
/// </summary>
internal sealed class MetricWriter(string file, TimeProvider time, Action<MetricWriter.Latest, bool>? print = null)
{
    private const int MaxWaiting = 1 << 20;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly long startTicks = Stopwatch.GetTimestamp();
    private readonly long startMicros = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
    private readonly Dictionary<string, Series> series = [];

    // Guards what is logged: entries, count. Held for a few instructions.
    private readonly Lock gate = new();
    private Entry[] entries = [];
    private int count;

    // Guards what is written: everything below. Taken before the gate, never after it.
    private readonly Lock writing = new();
    private Entry[] spare = [];
    private byte[] bytes = new byte[4096];
    private int waitingBytes;
    private SafeFileHandle? handle;
    private long written;
    private Thread? thread;

    /// <summary>Newest value of every metric, by name.</summary>
    internal sealed class Latest(Dictionary<string, Series> series)
    {
        public IEnumerable<(string Name, long Step, double Value, bool Changed)> Values =>
            series.Select(s => (s.Key, s.Value.Step, s.Value.Value, s.Value.Changed));

        public void Printed()
        {
            foreach (var one in series.Values) one.Changed = false;
        }
    }

    internal sealed class Series(uint id)
    {
        public uint Id => id;
        public long Step;
        public double Value;
        public bool Changed;
    }

    private readonly record struct Entry(string Name, long Step, double Value, long Ticks);

    // Compiled optimized at once: most loops log fewer times than it takes to be noticed as hot.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Log(string name, double value, long step)
    {
        if (string.IsNullOrEmpty(name)) ArgumentException.ThrowIfNullOrEmpty(name);
        var entry = new Entry(name, step, value, Stopwatch.GetTimestamp());
        lock (gate)
        {
            if (count < entries.Length)
            {
                entries[count++] = entry;
                return;
            }
        }

        Grow(entry);
    }

    /// <summary>Writes everything that was logged before the call.</summary>
    /// <returns>Length of the stream, and the newest value of each metric: exactly what was logged until now.</returns>
    /// <exception cref="IOException">It cannot be written; it is kept.</exception>
    public (long LengthBytes, IReadOnlyDictionary<string, double> Values) Flush(bool last = false)
    {
        lock (writing)
        {
            Write();
            if (series.Count > 0) print?.Invoke(new(series), last);
            return (written, series.ToDictionary(s => s.Key, s => s.Value.Value));
        }
    }

    private void Grow(Entry entry)
    {
        while (true)
        {
            lock (gate)
            {
                if (count == entries.Length && entries.Length < MaxWaiting) Array.Resize(ref entries, Math.Max(1024, entries.Length * 2));
                if (count < entries.Length)
                {
                    entries[count++] = entry;
                    break;
                }
            }

            Flush();
        }

        lock (writing)
        {
            if (thread is not null) return;
            thread = new Thread(WriteForever) { IsBackground = true, Name = "metrics" };
            thread.Start();
        }
    }

    private void WriteForever()
    {
        using var never = new ManualResetEventSlim();
        while (true)
        {
            never.Wait(Interval);
            try
            {
                Flush();
            }
            catch (IOException)
            {
                // Kept, and tried again in a moment. Whoever needs it written calls Flush, and gets the error.
            }
        }
    }

    private void Write()
    {
        Entry[] full;
        int waiting;
        lock (gate)
        {
            (full, waiting) = (entries, count);
            if (waiting > 0) (entries, spare, count) = (spare.Length < full.Length ? new Entry[full.Length] : spare, full, 0);
        }

        for (var i = 0; i < waiting; i++) Encode(full[i]);
        if (waitingBytes == 0) return;
        handle ??= Open();
        RandomAccess.Write(handle, bytes.AsSpan(0, waitingBytes), written);
        written += waitingBytes;
        waitingBytes = 0;
    }

    private SafeFileHandle Open()
    {
        try
        {
            return File.OpenHandle(file, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    private void Encode(in Entry entry)
    {
        if (bytes.Length - waitingBytes < 512) Array.Resize(ref bytes, bytes.Length * 2);
        if (written + waitingBytes == 0)
        {
            MetricStream.Header.CopyTo(bytes);
            waitingBytes = MetricStream.Header.Length;
        }

        var name = MetricName.Fit(entry.Name);
        if (!series.TryGetValue(name, out var one))
        {
            series[name] = one = new((uint)series.Count);
            waitingBytes += MetricStream.WriteName(bytes.AsSpan(waitingBytes), one.Id, name);
        }

        (one.Step, one.Value, one.Changed) = (entry.Step, entry.Value, true);
        var micros = startMicros + (long)Stopwatch.GetElapsedTime(startTicks, entry.Ticks).TotalMicroseconds;
        waitingBytes += MetricStream.WritePoint(bytes.AsSpan(waitingBytes), one.Id, entry.Step, micros, entry.Value);
    }
}
