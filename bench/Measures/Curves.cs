using System.Buffers;
using Microsoft.Data.Sqlite;
using Serverless.Client;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Bench.Measures;

/// <summary>Plots of long curves, and one metric of many runs beside each other, over HTTP.</summary>
sealed class Curves : IMeasure
{
    private const int Points = 1000, Steps = 2000, OfEach = 200;
    private const string Loss = "train/loss";

    public string Name => "curves";
    public string What => $"a plot of {Points:#,0} points of a long curve, and one metric of 1,000 runs, over HTTP";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        var folder = bench.NewFolder("curves");
        var store = new LocalWorkspaces(folder, bench.Time).Open(LocalWorkspaces.Default);
        var (some, many, runs) = (bench.Times(100_000, 5_000), bench.Times(10_000_000, 50_000), bench.Times(1000, 20));
        bench.Say($"writing curves of {some:#,0} and {many:#,0} points, and of {runs:#,0} runs");
        var (one, ten) = (await Write(bench, store, some, "long", [Loss], cancel), await Write(bench, store, many, "longer", [Loss], cancel));
        string[] names = [Loss, .. Enumerable.Range(0, 9).Select(i => $"val/metric-{i}")];
        for (var i = 0; i < runs; i++) await Write(bench, store, Steps, "compared", names, cancel);

        Samples first;
        await using (var platform = await Platform.ApiAlone(folder, cancel)) first = await Samples.Timed(1, () => Plot(platform, ten, many));
        await using var asked = await Platform.ApiAlone(folder, cancel);
        var compared = await Samples.Timed(1, () => Compare(asked, runs));
        using var sql = Sqlite(bench, some, many);
        return
        [
            new($"{some:#,0} points as {Points:#,0}", "ms", await Samples.Timed(bench.Times(100, 3), () => Plot(asked, one, some)), Row.P95,
                new("SQLite: least and greatest of each stretch, no HTTP", await Select(bench.Times(20, 2), sql, "some", some)), new(10)),
            new($"{many:#,0} points as {Points:#,0}", "ms", await Samples.Timed(bench.Times(100, 3), () => Plot(asked, ten, many)), Row.P95,
                new("SQLite: the same", await Select(bench.Times(3, 1), sql, "many", many)), new(30)),
            new("the first such plot, when the run was not told to have ended", "ms", first, Row.P95),
            new($"{OfEach} points of one metric of {runs:#,0} runs with {names.Length} of {Steps:#,0} steps", "ms",
                await Samples.Timed(bench.Times(20, 2), () => Compare(asked, runs)), Row.P95, Target: new(200)),
            new("the first such comparison", "ms", compared, Row.P95),
        ];
    }

    private static async Task Plot(Platform platform, string run, int total)
    {
        var read = await platform.Api.Plot(run, Loss, Points);
        if (read.Series is [{ Points.Count: > Points / 4, Total: var all }] && all == total) return;
        throw new InvalidOperationException("this is no plot");
    }

    private static async Task Compare(Platform platform, int runs)
    {
        var compared = await platform.Api.Compare("compared", Loss, OfEach);
        if (compared.Count != runs || compared.Any(one => one.Series is not [{ Total: Steps, Points.Count: > OfEach / 4 }]))
        {
            throw new InvalidOperationException("this is no comparison");
        }
    }

    /// <summary>A run that has ended, with its curves.</summary>
    private static async Task<string> Write(Bench bench, IObjectStore store, int steps, string experiment, string[] names, CancellationToken cancel)
    {
        var id = bench.Ids.NewestFirst();
        var (length, buffer) = (0L, new ArrayBufferWriter<byte>());
        buffer.Write(MetricStream.Header);
        for (var i = 0; i < names.Length; i++)
        {
            buffer.Advance(MetricStream.WriteName(buffer.GetSpan(MetricStream.MaxNameFrameBytes), (uint)i, names[i]));
        }

        for (var step = 0; step < steps; step++)
        {
            for (var i = 0; i < names.Length; i++)
            {
                buffer.Advance(MetricStream.WritePoint(buffer.GetSpan(MetricStream.PointBytes), (uint)i, step, step * 1000L, Value(step)));
            }

            if (step < steps - 1 && buffer.WrittenCount < 1 << 20) continue;
            await store.Append(WorkspacePaths.MetricsSegment(id, 1, 0), length, buffer.WrittenMemory, cancel);
            length += buffer.WrittenCount;
            buffer.ResetWrittenCount();
        }

        var now = bench.Time.GetUtcNow();
        await new RunStore(store).Create(new()
        {
            Id = id, Project = "bench", Experiment = experiment, Version = 1, Key = id, Created = now, Started = now, Ended = now,
            State = RunState.Succeeded, Cause = Cause.Completed, Epoch = 1,
            Spec = new() { Code = new("", ""), Command = "train.cs", Machine = "cpu" },
            Attempts = [new(1, "w", now, null, now, Cause.Completed, new(0, length), new(0, 0))],
        }, cancel);
        return id;
    }

    private static double Value(int step) => (1.0 / (1 + step)) + (step * 7919 % 10_007 / 10_007.0);

    private static SqliteConnection Sqlite(Bench bench, int some, int many)
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(bench.NewFolder("sqlite-curves"), "metrics.db")}");
        connection.Open();
        using var transaction = connection.BeginTransaction();
        foreach (var (table, steps) in ((string, int)[])[("some", some), ("many", many)])
        {
            using var fill = connection.CreateCommand();
            fill.CommandText = $"""
                CREATE TABLE {table} (step INTEGER PRIMARY KEY, value REAL NOT NULL, at INTEGER NOT NULL);
                WITH RECURSIVE steps(step) AS (SELECT 0 UNION ALL SELECT step + 1 FROM steps WHERE step < {steps - 1})
                INSERT INTO {table} SELECT step, 1.0 / (1 + step) + step * 7919 % 10007 / 10007.0, step * 1000 FROM steps;
                """;
            fill.ExecuteNonQuery();
        }

        transaction.Commit();
        return connection;
    }

    private static Task<Samples> Select(int times, SqliteConnection connection, string table, int steps) => Samples.Timed(times, () =>
    {
        using var select = connection.CreateCommand();
        select.CommandText = $"SELECT step, min(value) FROM {table} GROUP BY step / {steps * 2 / Points} "
            + $"UNION ALL SELECT step, max(value) FROM {table} GROUP BY step / {steps * 2 / Points}";
        using var reader = select.ExecuteReader();
        var rows = 0;
        while (reader.Read()) rows++;
        return rows > Points / 2 ? Task.CompletedTask : throw new InvalidOperationException("SQLite has no plot");
    });
}
