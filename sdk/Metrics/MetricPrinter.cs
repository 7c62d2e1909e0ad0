using System.Globalization;

namespace Serverless.Metrics;

/// <summary>Outside the platform there is nobody else to show metrics: one line a second with what changed, and a last one.</summary>
internal sealed class MetricPrinter(TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private DateTimeOffset next = time.GetUtcNow() + Interval;

    public void Print(MetricWriter.Latest latest, bool last)
    {
        if (!last && time.GetUtcNow() < next) return;
        var changed = latest.Values.Where(v => v.Changed).ToList();
        if (changed.Count == 0) return;
        var values = string.Join("  ", changed.Select(v => string.Create(CultureInfo.InvariantCulture, $"{v.Name}={v.Value:G5}")));
        Console.WriteLine($"step {changed.Max(v => v.Step)}  {values}");
        latest.Printed();
        next = time.GetUtcNow() + Interval;
    }
}
