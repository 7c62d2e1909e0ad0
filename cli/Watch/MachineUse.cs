using System.Globalization;
using System.Text.RegularExpressions;
using Serverless.Cli.Terminal;
using Serverless.Core.Runs;

namespace Serverless.Cli.Watch;

/// <summary>What a run used of its machine, in words.</summary>
static partial class MachineUse
{
    public const string Seconds = "seconds";

    /// <summary>What a look at a run shows: how much of the processors, of memory and of each GPU it had at most.</summary>
    public static IEnumerable<(string What, string Used)> Of(RunMetrics metrics)
    {
        var peaks = metrics.Series.ToDictionary(
            series => series.Name[MetricOrder.MachinePrefix.Length..],
            series => series.Points.Where(point => double.IsFinite(point.Value)).Select(point => point.Value).DefaultIfEmpty().Max());
        if (peaks.TryGetValue("cpu_percent", out var cpu)) yield return ("processors", $"at most {Percent(cpu)} of one");
        if (peaks.TryGetValue("memory_bytes", out var memory)) yield return ("memory", $"at most {Format.Bytes((long)memory)}");
        foreach (var gpu in peaks.Keys.Select(name => Gpu().Match(name)).Where(match => match.Success).Select(match => match.Groups[1].Value))
        {
            var used = peaks.TryGetValue($"gpu/{gpu}/utilization_percent", out var utilization) ? $"at most {Percent(utilization)}" : "";
            var held = peaks.TryGetValue($"gpu/{gpu}/memory_used_bytes", out var bytes) ? $"{Format.Bytes((long)bytes)} of memory" : "";
            yield return ($"GPU {gpu}", string.Join(", ", new[] { used, held }.Where(part => part.Length > 0)));
        }
    }

    /// <summary>A metric's value; the worker's own, whose names end with their unit, in that.</summary>
    public static string Value(string metric, double value)
    {
        if (!MetricOrder.IsOfMachine(metric) || !double.IsFinite(value)) return Format.Number(value);
        if (metric.EndsWith("_percent", StringComparison.Ordinal)) return Percent(value);
        if (metric.EndsWith("_bytes", StringComparison.Ordinal)) return Format.Bytes((long)value);
        return metric.EndsWith("_bytes_per_second", StringComparison.Ordinal) ? $"{Format.Bytes((long)value)}/s" : Format.Number(value);
    }

    /// <summary>What the steps of a metric count.</summary>
    public static string Axis(string metric) => MetricOrder.IsOfMachine(metric) ? Seconds : "step";

    private static string Percent(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} %");

    [GeneratedRegex("^gpu/([0-9]+)/memory_used_bytes$")]
    private static partial Regex Gpu();
}
