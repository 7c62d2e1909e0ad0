using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Serverless.Contract;

namespace Serverless.Core.Metrics;

/// <summary>Points as lines of CSV, in one buffer that is filled anew for each answer.</summary>
sealed class MetricsCsv(MetricsQuery query)
{
    private const int MaxNames = 10_000;

    /// <summary>Of everything behind a name: three numbers and a time.</summary>
    private const int MaxRest = 128;

    private readonly ArrayBufferWriter<byte> buffer = new(64 * 1024);
    private readonly Dictionary<string, byte[]?> fields = new(StringComparer.Ordinal);

    public ReadOnlyMemory<byte> Header() => Text("metric,step,value,time\n");

    public ReadOnlyMemory<byte> Comment(string text) => Text(Csv.Comment(text) + "\n");

    public ReadOnlyMemory<byte> Rows(List<MetricPoint> points)
    {
        buffer.ResetWrittenCount();
        foreach (var point in points)
        {
            if (point.Step < query.FromStep || Field(point.Name) is not { } name) continue;
            buffer.Write(name);
            Utf8.TryWrite(buffer.GetSpan(MaxRest), CultureInfo.InvariantCulture, $",{point.Step},{point.Value:R},{point.At:O}\n", out var written);
            buffer.Advance(written);
        }

        return buffer.WrittenMemory;
    }

    /// <summary>Null when the metric is not wanted.</summary>
    private byte[]? Field(string name)
    {
        if (fields.TryGetValue(name, out var known)) return known;
        if (fields.Count == MaxNames) fields.Clear();
        return fields[name] = query.Wants(name) ? Encoding.UTF8.GetBytes(Csv.Field(name)) : null;
    }

    private ReadOnlyMemory<byte> Text(string text)
    {
        buffer.ResetWrittenCount();
        Encoding.UTF8.GetBytes(text, buffer);
        return buffer.WrittenMemory;
    }
}
