using System.Collections.Concurrent;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage.Plain;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// The metrics of an attempt: from the SDK's stream, from <c>metrics.jsonl</c>, and from what is printed, as long as the code writes neither of the
/// two files.
/// </summary>
sealed class MetricCollector(WorkFolder folder, SegmentWriter segments, LogCollector log, TimeProvider time) : IDisposable
{
    private const string AsItShouldBe = """a line is {"step":12,"name":"loss","value":0.31}""";
    private const int ReadAtOnce = 4 * 1024 * 1024, MaxLine = 64 * 1024, MaxLatest = 1000;

    private readonly MetricWriter writer = new(segments);
    private readonly SemaphoreSlim collecting = new(1);
    private readonly MetricStreamReader stream = new();
    private readonly CursorMap streamPlaces = new();
    private readonly ConcurrentQueue<MetricPoint> printed = new();
    private readonly ConcurrentDictionary<string, double> latest = new(StringComparer.Ordinal);
    private readonly byte[] buffer = new byte[ReadAtOnce];
    private readonly List<byte> half = [];
    private long streamRead, jsonlRead, lines, badLines, lastStep = -1;
    private bool streamBroken, seenFile;

    public StreamCursor End => segments.End;

    /// <summary>Last value of each metric.</summary>
    public IReadOnlyDictionary<string, double> Latest => latest;

    /// <summary>The greatest step seen; null before the first.</summary>
    public long? Step => Interlocked.Read(ref lastStep) is >= 0 and var step ? step : null;

    /// <summary>A line on standard output or standard error.</summary>
    public void Printed(ReadOnlySpan<byte> line)
    {
        if (!seenFile) TextMetrics.ReadPrinted(line, (name, step, value) => printed.Enqueue(new(name, step, value, Now())));
    }

    /// <summary>Reads and stores what has come since. At the end of the attempt also a last line without its end.</summary>
    public async Task Collect(bool atEnd, CancellationToken cancel)
    {
        await collecting.WaitAsync(cancel);
        try
        {
            bool more;
            do
            {
                more = ReadStream() | ReadJsonl();
                await writer.Flush(cancel);
            }
            while (more);

            if (atEnd) EndJsonl();
            while (printed.TryDequeue(out var point))
            {
                if (!seenFile) Add(point);
            }

            await writer.Flush(cancel);
        }
        finally
        {
            collecting.Release();
        }
    }

    /// <summary>Where this stream had got when the SDK's stream had <paramref name="streamBytes"/>; null: all there is now.</summary>
    public async Task<StreamCursor> PlaceOf(long? streamBytes, CancellationToken cancel)
    {
        await Collect(atEnd: false, cancel);
        return streamBytes is { } bytes ? streamPlaces.Find(bytes) : End;
    }

    public void Dispose() => collecting.Dispose();

    private bool ReadStream()
    {
        if (streamBroken) return false;
        var read = ReadMore(folder.MetricsBinary, ref streamRead);
        if (read <= 0) return false;
        var points = new List<MetricPoint>();
        var ends = new List<long>();
        try
        {
            stream.Read(buffer.AsSpan(0, read), points, ends);
        }
        catch (InvalidDataException broken)
        {
            streamBroken = true;
            log.Say($"{ContractNames.MetricsBinary} cannot be read further: {broken.Message}");
        }

        for (var i = 0; i < points.Count; i++)
        {
            Add(points[i]);
            streamPlaces.Add(ends[i], writer.End);
        }

        return read == buffer.Length;
    }

    private bool ReadJsonl()
    {
        var read = ReadMore(folder.MetricsJsonl, ref jsonlRead);
        if (read <= 0) return false;
        var bytes = buffer.AsSpan(0, read);
        int end;
        while ((end = bytes.IndexOf((byte)'\n')) >= 0)
        {
            if (half.Count == 0)
            {
                ReadLine(bytes[..end]);
            }
            else
            {
                half.AddRange(bytes[..end]);
                EndJsonl();
            }

            bytes = bytes[(end + 1)..];
        }

        if (half.Count + bytes.Length <= MaxLine) half.AddRange(bytes);
        return read == buffer.Length;
    }

    private void EndJsonl()
    {
        if (half.Count > 0) ReadLine(half.ToArray());
        half.Clear();
    }

    private void ReadLine(ReadOnlySpan<byte> line)
    {
        lines++;
        if (line.Trim(" \t\r"u8).Length == 0) return;
        if (TextMetrics.ReadJson(line, (name, step, value) => Add(new(name, step, value, Now()))) is { } problem && ++badLines == 1)
        {
            log.Say($"{ContractNames.MetricsJsonl} line {lines} is ignored: {problem}; {AsItShouldBe}, and further lines like it are ignored silently");
        }
    }

    private void Add(in MetricPoint point)
    {
        writer.Add(point);
        if (latest.Count < MaxLatest || latest.ContainsKey(point.Name)) latest[point.Name] = point.Value;
        if (point.Step > lastStep) Interlocked.Exchange(ref lastStep, point.Step);
    }

    private int ReadMore(string path, ref long position)
    {
        using var file = Open(path);
        if (file is null) return 0;
        seenFile = true;
        if (file.LengthBytes < position)
        {
            log.Say($"{Path.GetFileName(path)} became shorter; what it had before is kept, and it is read again from its beginning");
            position = 0;
            if (path == folder.MetricsBinary) streamBroken = true;
        }

        file.Content.Position = position;
        var read = file.Content.Read(buffer);
        position += read;
        return read;
    }

    // What is no plain file has no metrics. It is said once, at the end, with everything else that was left out.
    private PlainFile? Open(string path)
    {
        try
        {
            return PlainFile.Open(folder.Output, Path.GetFileName(path));
        }
        catch (NotPlainException)
        {
            return null;
        }
    }

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;
}
