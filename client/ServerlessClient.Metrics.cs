using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>A run's metrics as curves.</summary>
    /// <param name="names">Empty: all.</param>
    /// <param name="maxPoints">Of a series; longer ones are thinned.</param>
    /// <param name="source">Null: both. What is not asked for is not read, and a run's own points may be many.</param>
    public Task<RunMetrics> GetMetrics(
        string id, IReadOnlyCollection<string> names, int maxPoints, MetricSource? source = null, CancellationToken cancel = default) =>
        Get<RunMetrics>(
            $"{Run(id)}/metrics"
                + Query(("names", Names(names)), ("maxPoints", Text(maxPoints)), ("source", Text(source))),
            cancel);

    /// <summary>Curves of many runs, thinned, in the order of the runs, as they come.</summary>
    /// <param name="query">Which runs; up to its limit, and no further page.</param>
    /// <param name="names">With '*' for any characters; empty: all that their code logged.</param>
    /// <param name="maxPoints">Of a series, 4 to 2,000.</param>
    public async IAsyncEnumerable<RunCurves> ReadCurves(
        RunQuery query, IReadOnlyCollection<string> names, int maxPoints = 200, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var path = "api/curves" + Query([.. Asked(query), ("names", Names(names)), ("maxPoints", Text(maxPoints))]);
        using var lines = new StreamReader(Bounded.Lines(await Open(path, resumes: false, isVerified: false, cancel)));
        while (await lines.ReadLineAsync(cancel) is { } line) yield return Understood(Encoding.UTF8.GetBytes(line), ApiJson.Of<RunCurves>());
    }

    /// <summary>
    /// Every point as CSV, however many, in order of logging: <c>metric,step,value,time</c>. What could not be read is said at its end, in lines that
    /// begin with '#'.
    /// </summary>
    /// <param name="names">Empty: all.</param>
    /// <param name="source">Null: both.</param>
    public Task<Stream> OpenMetricsCsv(
        string id, IReadOnlyCollection<string> names, MetricSource? source = null, CancellationToken cancel = default) =>
        Open(
            $"{Run(id)}/metrics" + Query(("format", "csv"), ("names", Names(names)), ("source", Text(source))), resumes: false, isVerified: false,
            cancel);

    /// <summary>Every point, however many, in order of logging, as they come.</summary>
    /// <param name="names">None: all.</param>
    public IAsyncEnumerable<LoggedMetric> ReadMetrics(string id, params IReadOnlyCollection<string> names) =>
        ReadMetrics(id, names, CancellationToken.None);

    /// <inheritdoc cref="ReadMetrics(string, IReadOnlyCollection{string})"/>
    /// <param name="problems">Told what could not be read, in words.</param>
    public async IAsyncEnumerable<LoggedMetric> ReadMetrics(
        string id, IReadOnlyCollection<string> names, [EnumeratorCancellation] CancellationToken cancel, Action<string>? problems = null)
    {
        using var lines = new StreamReader(Bounded.Lines(await OpenMetricsCsv(id, names, cancel: cancel)));
        await lines.ReadLineAsync(cancel);
        var record = new StringBuilder();
        while (await lines.ReadLineAsync(cancel) is { } line)
        {
            // A name may have a line end in it.
            record.Append(record.Length > 0 ? "\n" : "").Append(line);
            if (record[0] == '#') problems?.Invoke(record.ToString(1, record.Length - 1).Trim());
            else if (Metric(record.ToString()) is { } point) yield return point;
            else continue;
            record.Clear();
        }

        if (record.Length > 0) throw new ApiException(ApiFault.NotThePlatform, "the metrics end in the middle of a line");
    }

    /// <summary>Null: the quotes around the name are not closed yet.</summary>
    private static LoggedMetric? Metric(string line)
    {
        var end = line.IndexOf(',', StringComparison.Ordinal);
        var name = end < 0 ? line : line[..end];
        if (line.StartsWith('"'))
        {
            end = 1;
            while (end < line.Length && (line[end] != '"' || (end + 1 < line.Length && line[end + 1] == '"'))) end += line[end] == '"' ? 2 : 1;
            if (end >= line.Length) return null;
            name = line[1..end].Replace("\"\"", "\"", StringComparison.Ordinal);
            end++;
        }

        return line[(end + 1)..].Split(',') is [var step, var value, var at]
            && long.TryParse(step, CultureInfo.InvariantCulture, out var number) && double.TryParse(value, CultureInfo.InvariantCulture, out var real)
            && DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, out var time)
            ? new(name, number, real, time)
            : throw new ApiException(ApiFault.NotThePlatform, $"'{Excerpt.Of(line)}' is no point of a metric");
    }

    private static string? Names(IReadOnlyCollection<string> names) => names.Count > 0 ? string.Join(',', names) : null;
}
