using Serverless.Contract;
using Serverless.Core.Metrics.Printed;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// The metrics of an attempt: from the SDK's stream, from <c>metrics.jsonl</c>, from what is printed, and from the logs of libraries. What waits is
/// on disk, in the code's own files, or bounded.
/// </summary>
sealed class MetricCollector : IMetricSink, IDisposable
{
    private const string AsItShouldBe = """a line is {"step":12,"name":"loss","value":0.31}""";
    private const int ReadAtOnce = 4 * 1024 * 1024, MaxLatest = 1000, MostOverruled = 3;

    /// <summary>What is printed waits this long for the same from a file, which is more exact.</summary>
    private static readonly TimeSpan Precedence = TimeSpan.FromSeconds(1);

    /// <summary>Nobody trained before; and no clock of this machine is a day ahead of another.</summary>
    private static readonly DateTimeOffset EarliestTime = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(1);

    private readonly WorkFolder folder;
    private readonly SegmentWriter segments;
    private readonly LogCollector log;
    private readonly PrintedPoints printed;
    private readonly TimeProvider time;
    private readonly MetricStreamWriter writer;
    private readonly SemaphoreSlim collecting = new(1);
    private readonly MetricStreamReader stream = new();
    private readonly CursorMap streamPlaces = new();
    private readonly MetricOrigins origins = new();
    private readonly LatestValues latest;
    private readonly RecentPoints recent;
    private readonly HashSet<string> said = new(StringComparer.Ordinal);
    private readonly byte[] buffer = new byte[ReadAtOnce];
    private readonly GrowingFile streamFile, jsonlFile;
    private readonly RewrittenHistory history = new();
    private readonly LoggedFiles logged;
    private readonly List<MetricPoint> ofJsonl = [];
    private readonly List<LoggedPoint> ofLogs = [];
    private CarriedPoints carried = new([]);
    private EarlierPoints? earlier;
    private LineSplitter jsonl;
    private DateTimeOffset lastRead, read;
    private StreamCursor collected = StreamCursor.Start;
    private long lastStep = -1;
    private bool streamBroken;

    public MetricCollector(WorkFolder folder, SegmentWriter segments, LogCollector log, PrintedPoints printed, TimeProvider time, MetricOrder order)
    {
        (this.folder, this.segments, this.log, this.printed, this.time) = (folder, segments, log, printed, time);
        writer = new(segments);
        latest = new(order, MaxLatest);
        recent = new(order, MaxLatest);
        streamFile = new(() => folder.OutputItself, ContractNames.MetricsBinary);
        jsonlFile = new(() => folder.OutputItself, ContractNames.MetricsJsonl);
        logged = new([() => folder.Code, () => folder.OutputItself], time, log.Say);
        jsonl = NewJsonl();
    }

    /// <summary>Ends when so many printed points wait that they are better collected at once.</summary>
    public Task Filling => printed.Filling;

    public StreamCursor End => segments.End;

    /// <summary>Where the stream ended when it was last collected: what is before this was logged before now.</summary>
    public StreamCursor Collected => Volatile.Read(ref collected);

    /// <summary>Last value of each metric, as they are now.</summary>
    public IReadOnlyDictionary<string, double> Latest => latest.Copy();

    /// <summary>The greatest step seen; null before the first.</summary>
    public long? Step => Interlocked.Read(ref lastStep) is >= 0 and var step ? step : null;

    /// <summary>The code is about to begin: logs of metrics that are there already are not its own.</summary>
    public void NoteGiven() => logged.NoteGiven();

    /// <summary>Reads and stores what has come since. At the end of the attempt also a last line without its end.</summary>
    public Task Collect(bool atEnd, CancellationToken cancel) =>
        Collect(atEnd, atEnd ? TimeSpan.Zero : Precedence, cancel);

    /// <summary>Sets what the attempt before logged about the checkpoint that this one goes on from.</summary>
    /// <param name="points">In order of logging.</param>
    /// <param name="before">What is there of all attempts up to that checkpoint.</param>
    public void Carry(IEnumerable<MetricPoint> points, EarlierPoints before) => (carried, earlier) = (new(points), before);

    /// <summary>
    /// Where this stream had got when the SDK's stream had <paramref name="streamBytes"/> and the code was at <paramref name="step"/>.
    /// </summary>
    public async Task<StreamCursor> PlaceOf(long streamBytes, long step, CancellationToken cancel)
    {
        await Collect(atEnd: false, TimeSpan.Zero, cancel);
        return streamPlaces.Find(streamBytes, step);
    }

    /// <summary>
    /// Where this stream ends now, with all there is, and the last value of each metric when a checkpoint was saved as far as that can be told.
    /// </summary>
    public async Task<(StreamCursor End, IReadOnlyDictionary<string, double> Latest)> PlaceOf(SaveMoment save, CancellationToken cancel)
    {
        await Collect(atEnd: false, TimeSpan.Zero, cancel, isWhole: true);
        return (Collected, recent.At(save));
    }

    public void Dispose() => collecting.Dispose();

    void IMetricSink.Found(ReadOnlySpan<char> name, long step, double value)
    {
        // Before it is remembered: a name may be as long as a line.
        var metric = MetricName.Fit(name.ToString());
        if (history.IsNew(metric, step)) ofJsonl.Add(new(metric, step, value, Micros(read)));
    }

    void IMetricSink.LeftOut(ReadOnlySpan<char> what, string why) =>
        SayOnce(why, $"{Line}: '{what}' is ignored: {why}");

    /// <param name="heldBack">What was printed is not stored before it has waited for so long.</param>
    /// <param name="isWhole">A checkpoint names the end of it: nothing is held back.</param>
    private async Task Collect(bool atEnd, TimeSpan heldBack, CancellationToken cancel, bool isWhole = false)
    {
        await collecting.WaitAsync(cancel);
        try
        {
            bool more, look = atEnd || isWhole;
            do
            {
                read = time.GetUtcNow();
                more = ReadStream() | ReadJsonl() | logged.Read(look, ofLogs);
                look = false;
                await AddJsonl();
                await AddLogged();
                lastRead = read;
                await writer.Flush(cancel);
            }
            while (more);

            if (atEnd) jsonl.End();
            await AddJsonl();
            await AddLogged();
            AddPrinted(printed.AreMany ? TimeSpan.Zero : heldBack);
            foreach (var remark in printed.TakeRemarks().Concat(atEnd ? origins.Overruled().Take(MostOverruled) : [])) log.Say(remark);
            if (atEnd || isWhole) Store(carried.Rest());
            await writer.Flush(cancel);
            Volatile.Write(ref collected, End);
        }
        finally
        {
            collecting.Release();
        }
    }

    private bool ReadStream()
    {
        if (streamBroken) return false;
        var read = streamFile.Read(buffer, out var begunAnew);
        if (begunAnew)
        {
            streamBroken = true;
            log.Say($"{ContractNames.MetricsBinary} was written anew and cannot be read further; what it had before is kept");
            return false;
        }

        if (read == 0) return false;
        var points = new List<MetricPoint>();
        var ends = new List<long>();
        string? problem = null;
        try
        {
            stream.Read(buffer.AsSpan(0, read), points, ends);
        }
        catch (InvalidDataException broken)
        {
            streamBroken = true;
            problem = broken.Message;
        }

        foreach (var point in points) origins.NoteWritten(point.Name);
        for (var i = 0; i < points.Count; i++)
        {
            // In the order in which they were made: a checkpoint cuts both sources at one place.
            var point = AtSensibleTime(points[i], ContractNames.MetricsBinary);
            AddPrinted(point.UnixMicros);
            AddWritten(point);
            streamPlaces.Add(ends[i], writer.End);
        }

        if (problem is not null) log.Say($"{ContractNames.MetricsBinary} cannot be read further: {problem}");
        return read == buffer.Length;
    }

    private bool ReadJsonl()
    {
        var read = jsonlFile.Read(buffer, out var begunAnew);
        if (begunAnew)
        {
            const string Kept = "what it had before is kept, and only what it did not have is added";
            SayOnce("anew", $"{ContractNames.MetricsJsonl} was written anew; {Kept}");
            history.BeginAgain();
            jsonl = NewJsonl();
        }

        if (read == 0) return false;
        jsonl.Add(buffer.AsSpan(0, read));
        return read == buffer.Length;
    }

    private async Task AddJsonl()
    {
        foreach (var point in ofJsonl)
        {
            if (earlier is null || !await earlier.Has(point)) AddWritten(point);
        }

        ofJsonl.Clear();
        if (earlier is not { IsTooMany: true }) return;
        SayOnce("history", $"{ContractNames.MetricsJsonl} begins before the checkpoint, and there are too many points to say which of it are there "
            + "already: some may be there twice");
    }

    private async Task AddLogged()
    {
        foreach (var (kind, point) in ofLogs)
        {
            var name = MetricName.Fit(point.Name);
            if (!origins.KeepsLogged(kind, name)) continue;
            var fit = AtSensibleTime(point, $"a {kind} log") with { Name = name };
            if (earlier is null || !await earlier.Has(fit)) Add(fit, lastRead, read);
        }

        ofLogs.Clear();
    }

    private LineSplitter NewJsonl() => new(
        ReadLine,
        () => SayOnce("too long", $"{Line} is ignored: it is longer than {LineSplitter.MaxLine >> 20} MiB; further ones are ignored silently"));

    private void ReadLine(ReadOnlySpan<byte> line)
    {
        if (JsonMetrics.WithoutByteOrderMark(line).Trim(" \t"u8).Length == 0) return;
        if (JsonMetrics.Read(line, this, out _) is { } problem)
        {
            SayOnce(problem.Split(':')[0], $"{Line} is ignored: {problem}; {AsItShouldBe}, and further lines like it are ignored silently");
        }
    }

    private MetricPoint AtSensibleTime(in MetricPoint point, string file)
    {
        if (point.At >= EarliestTime && point.At <= read + Ahead) return point;
        var what = $"{file}: the time of a point of '{Shown(point.Name)}' is not in microseconds since 1970";
        SayOnce("time", $"{what}; the time of its arrival is kept, for further ones silently");
        return point with { UnixMicros = Micros(read) };
    }

    // What comes meanwhile is for the next time.
    private void AddPrinted(TimeSpan heldBack)
    {
        for (var left = printed.Count; left > 0 && printed.TryTake(heldBack, out var point); left--) AddPrinted(point);
    }

    private void AddPrinted(long byMicros)
    {
        for (var left = printed.Count; left > 0 && printed.TryTake(byMicros, out var point); left--) AddPrinted(point);
    }

    private void AddPrinted(in MetricPoint point)
    {
        if (!origins.KeepsPrinted(point.Name, point.Step)) return;
        Add(point, DateTimeOffset.UnixEpoch.AddMicroseconds(point.UnixMicros), DateTimeOffset.UnixEpoch.AddMicroseconds(point.UnixMicros));
        streamPlaces.AddPrinted(point.Step, writer.End);
    }

    private void AddWritten(in MetricPoint point)
    {
        if (point.Name.Length == 0)
        {
            SayOnce("no name", $"{ContractNames.MetricsBinary}: a metric without a name is ignored");
            return;
        }

        var name = MetricName.Fit(point.Name);
        if (origins.KeepsWritten(name, point.Step)) Add(point with { Name = name }, lastRead, read);
    }

    /// <param name="earliest">It was not logged before this.</param>
    /// <param name="latest">It was logged by then.</param>
    private void Add(in MetricPoint point, DateTimeOffset earliest, DateTimeOffset latest)
    {
        Store(carried.Before(point.Name, point.Step));
        if (!carried.IsThere(point.Name, point.Step)) Store(point);
        recent.Add(point.Name, point.Step, point.Value, earliest, latest);
    }

    private void Store(IReadOnlyList<MetricPoint> points)
    {
        foreach (var point in points) Store(point);
    }

    private void Store(in MetricPoint point)
    {
        writer.Add(point);
        latest[point.Name] = point.Value;
        if (point.Step > lastStep) Interlocked.Exchange(ref lastStep, point.Step);
    }

    private string Line => $"{ContractNames.MetricsJsonl} line {jsonl.Number}";

    private void SayOnce(string about, string text)
    {
        if (said.Add(about)) log.Say(text);
    }

    private static string Shown(string name) => name.Length <= 40 ? name : name[..40] + "…";

    private static long Micros(DateTimeOffset at) => at.ToUnixTimeMilliseconds() * 1000;
}
