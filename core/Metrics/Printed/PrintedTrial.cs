namespace Serverless.Core.Metrics.Printed;

/// <summary>What would be read as metrics in a log, to try patterns on.</summary>
public sealed class PrintedTrial
{
    private readonly MetricPatterns own;
    private readonly LineSplitter lines;
    private readonly Found found = new();

    /// <param name="patterns">Of the experiment's own; each is one.</param>
    public PrintedTrial(IReadOnlyList<string> patterns)
    {
        own = new(patterns);
        var printed = new PrintedMetrics(patterns.Count > 0 ? own : null);
        lines = new(
            line =>
            {
                // As in a run: where the cursor moves, a line ends.
                var text = TerminalEscapes.Remove(line);
                foreach (var part in text.Split((byte)'\n')) printed.Read(text[part], found);
            }, () => found.LeftOut("a line", $"it is longer than {LineSplitter.MaxLine >> 20} MiB"));
    }

    /// <summary>How many lines each of the patterns matched.</summary>
    public IReadOnlyList<long> Matches => own.Matches;

    /// <summary>In the order of their first points.</summary>
    public IReadOnlyList<MetricSeries> Series => [.. found.Points.Select(one => new MetricSeries(one.Key, one.Value.Count, one.Value))];

    /// <summary>What looks like a metric and is none, an example for each reason.</summary>
    public IReadOnlyList<string> LeftOut => [.. found.Reasons.Select(one => $"'{one.Value}' is left out: {one.Key}")];

    public async Task Read(Stream log, CancellationToken cancel = default)
    {
        var buffer = new byte[1 << 16];
        while (await log.ReadAsync(buffer, cancel) is var read and > 0) lines.Add(buffer.AsSpan(0, read));
        lines.End();
    }

    private sealed class Found : IMetricSink
    {
        private const int LongestExample = 100;

        public Dictionary<string, List<MetricValue>> Points { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, string> Reasons { get; } = new(StringComparer.Ordinal);

        void IMetricSink.Found(ReadOnlySpan<char> name, long step, double value)
        {
            var known = Points.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!known.TryGetValue(name, out var points)) known[name] = points = [];
            points.Add(new(step, value, default));
        }

        public void LeftOut(ReadOnlySpan<char> what, string why) => Reasons.TryAdd(why, Excerpt.Of(what.ToString(), LongestExample));
    }
}
