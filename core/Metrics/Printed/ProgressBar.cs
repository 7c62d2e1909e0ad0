namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Progress bars, <c>45%|████▌     | 422/938 [00:03&lt;00:04, 120it/s, loss=0.31]</c>, are painted again and again at the same place: each number
/// that stands there counts once.
/// </summary>
internal sealed class ProgressBar : IMetricSink
{
    private const int MaxNames = 256;
    private readonly Dictionary<string, double> painted = new(StringComparer.Ordinal);
    private long step = long.MinValue;
    private IMetricSink? to;

    /// <summary>How far the bar is; null: there is none.</summary>
    public static Progress? PlaceIn(ReadOnlySpan<char> text)
    {
        var percent = text.IndexOf("%|");
        if (percent < 0) return null;
        var rest = text[(percent + 2)..];
        var bar = rest.IndexOf('|');
        return bar < 0 ? null : PrintedStep.FractionAt(rest[(bar + 1)..].TrimStart(' '));
    }

    /// <summary>"training:  20%|██" says how far the bar is.</summary>
    public static bool IsItsOwn(ReadOnlySpan<char> text, Range pair) => text[pair].EndsWith('%') && text[pair.End..] is ['|', ..];

    /// <summary>Takes what the bar says at a step.</summary>
    public IMetricSink At(long at, IMetricSink sink)
    {
        if (at != step) painted.Clear();
        (step, to) = (at, sink);
        return this;
    }

    public void Found(ReadOnlySpan<char> name, long at, double value)
    {
        var known = painted.GetAlternateLookup<ReadOnlySpan<char>>();
        if (known.TryGetValue(name, out var before) && before.Equals(value)) return;
        if (painted.Count < MaxNames) known[name] = value;
        to!.Found(name, at, value);
    }

    public void LeftOut(ReadOnlySpan<char> what, string why) => to!.LeftOut(what, why);
}
