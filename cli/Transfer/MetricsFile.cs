using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace Serverless.Cli.Transfer;

/// <param name="Records">Of CSV, with its header: metric, step, value, time.</param>
readonly record struct RunPoints(string Run, string Experiment, IAsyncEnumerable<string> Records);

/// <summary>Every point of a run, or of many, as a table in a file of this machine, which appears only when it is whole.</summary>
sealed class MetricsFile
{
    /// <summary>What is in memory at once, some 40 MB.</summary>
    private const int RowsOfAGroup = 500_000;

    private static readonly DataField<string> Run = new("run"), Experiment = new("experiment"), Metric = new("metric");
    private static readonly DataField<long> Step = new("step");
    private static readonly DataField<double> Value = new("value");
    private static readonly DateTimeDataField Time = new("time", DateTimeFormat.Timestamp, isAdjustedToUTC: true, unit: DateTimeTimeUnit.Micros);

    private MetricsFile(string path, bool isParquet) => (Path, HasRuns) = (path, isParquet);

    /// <summary>It says of each point whose it is, so that many runs go into it.</summary>
    public bool HasRuns { get; }

    public string Path { get; }

    /// <exception cref="ExpException">It is no file that can be written.</exception>
    public static MetricsFile To(string path)
    {
        var isParquet = System.IO.Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".PARQUET" => true,
            ".CSV" => false,
            _ => throw ExpException.Usage($"--out {path}: expected a name that ends in .csv or .parquet"),
        };
        LocalFiles.CheckTarget(path);
        return new(path, isParquet);
    }

    /// <param name="runs">One, unless it <see cref="HasRuns"/>.</param>
    /// <returns>How many points there are.</returns>
    public async Task<long> Write(IReadOnlyList<RunPoints> runs, CancellationToken cancel)
    {
        long points = 0;
        await LocalFiles.Write(Path, () => Downloads.Write(
            Path, async to => points = HasRuns ? await WriteParquet(to, runs, cancel) : await WriteCsv(to, runs.Single().Records, cancel)));
        return points;
    }

    /// <param name="to">Stays open.</param>
    /// <returns>How many points there are.</returns>
    public static async Task<long> WriteCsv(Stream to, IAsyncEnumerable<string> records, CancellationToken cancel)
    {
        long lines = 0;
        await using var text = new StreamWriter(to, bufferSize: 1 << 16, leaveOpen: true);
        await foreach (var record in records.WithCancellation(cancel))
        {
            text.Write(record);
            text.Write('\n');
            lines++;
        }

        return Math.Max(0, lines - 1);
    }

    private static async Task<long> WriteParquet(Stream to, IReadOnlyList<RunPoints> runs, CancellationToken cancel)
    {
        long points = 0;
        await using var writer = await ParquetWriter.CreateAsync(
            new ParquetSchema(Run, Experiment, Metric, Step, Value, Time), to, new ParquetOptions { CompressionMethod = CompressionMethod.Zstd },
            append: false, cancel);
        var rows = new Rows();
        foreach (var run in runs)
        {
            await foreach (var record in run.Records.Skip(1).WithCancellation(cancel))
            {
                rows.Add(run, record);
                if (rows.Count == RowsOfAGroup) await WriteGroup();
            }
        }

        if (rows.Count > 0 || points == 0) await WriteGroup();
        return points;

        async Task WriteGroup()
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(Run, rows.Runs);
            await group.WriteAsync(Experiment, rows.Experiments);
            await group.WriteAsync(Metric, rows.Metrics);
            await group.WriteAsync<long>(Step, rows.Steps.ToArray(), cancellationToken: cancel);
            await group.WriteAsync<double>(Value, rows.Values.ToArray(), cancellationToken: cancel);
            await group.WriteAsync<DateTime>(Time, rows.Times.ToArray(), cancellationToken: cancel);
            points += rows.Count;
            rows = new();
        }
    }

    private sealed class Rows
    {
        private readonly Dictionary<string, string> names = new(StringComparer.Ordinal);

        public List<string> Runs { get; } = [];
        public List<string> Experiments { get; } = [];
        public List<string> Metrics { get; } = [];
        public List<long> Steps { get; } = [];
        public List<double> Values { get; } = [];
        public List<DateTime> Times { get; } = [];
        public int Count => Metrics.Count;

        // Of the four fields only the name may be in quotes, or have commas in it.
        public void Add(RunPoints run, string record)
        {
            Runs.Add(run.Run);
            Experiments.Add(run.Experiment);
            var time = record.LastIndexOf(',');
            var value = record.LastIndexOf(',', time - 1);
            var step = record.LastIndexOf(',', value - 1);
            Metrics.Add(Name(record[..step]));
            Steps.Add(long.Parse(record.AsSpan()[(step + 1)..value], CultureInfo.InvariantCulture));
            Values.Add(double.Parse(record.AsSpan()[(value + 1)..time], CultureInfo.InvariantCulture));
            Times.Add(DateTimeOffset.Parse(record.AsSpan()[(time + 1)..], CultureInfo.InvariantCulture).UtcDateTime);
        }

        private string Name(string field)
        {
            if (names.TryGetValue(field, out var name)) return name;
            return names[field] = field.StartsWith('"') ? field[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal) : field;
        }
    }
}
