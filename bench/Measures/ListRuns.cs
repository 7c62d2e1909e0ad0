using System.Text.Json;
using Microsoft.Data.Sqlite;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;

namespace Serverless.Bench.Measures;

/// <summary>Pages of 100 of 10,000 and of 100,000 runs: the newest, and the best of those that a condition is true of.</summary>
sealed class ListRuns : IMeasure
{
    private const int Page = 100;
    private const string Condition = "val/accuracy > 0.5 and lr < 0.01", Order = "-val/accuracy";

    public string Name => "list";
    public string What => $"pages of {Page} of 10,000 and of 100,000 runs over HTTP";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        return
        [
            .. await Pages(bench, bench.Times(10_000, 1000), newest: 20, best: 30, cancel),
            .. await Pages(bench, bench.Times(100_000, 2000), newest: null, best: 60, cancel),
        ];
    }

    /// <param name="newest">What a page of the newest is to take at most, and <paramref name="best"/> one of the best, in milliseconds.</param>
    private static async Task<IReadOnlyList<Row>> Pages(Bench bench, int count, double? newest, double best, CancellationToken cancel)
    {
        var folder = bench.NewFolder($"list-{count}");
        bench.Say($"writing {count} run records");
        var runs = new RunStore(new LocalWorkspaces(folder, bench.Time).Open(LocalWorkspaces.Default));
        var records = Enumerable.Range(0, count).Select(i => Record(bench, i)).ToList();
        await Parallel.ForEachAsync(records, cancel, async (record, token) => await runs.Create(record, token));
        using var sql = Sqlite(bench, records);

        Samples made;
        await using (var first = await Platform.ApiAlone(folder, cancel)) made = await Best(first, 1);
        await using var platform = await Platform.ApiAlone(folder, cancel);
        var cold = await Best(platform, 1);
        var warm = await Best(platform, bench.Times(100, 3));
        var latest = await Samples.Timed(bench.Times(100, 3), async () => Full(await platform.Api.List(Page, cancel: cancel)));
        return
        [
            new($"newest {Page} of {count:#,0} runs", "ms", latest, Row.P95,
                new("SQLite: select and parse the same summaries, no HTTP", await Select(bench, sql, "ORDER BY id")),
                newest is { } wanted ? new(wanted) : null),
            new($"best {Page} of {count:#,0} runs by a condition", "ms", warm, Row.P95,
                new("SQLite: the same, with an index on the metric",
                    await Select(bench, sql, "WHERE accuracy > 0.5 AND lr < 0.01 ORDER BY accuracy DESC")),
                new(best)),
            new("the first such request after the start", "ms", cold, Row.P95, Target: new(1000)),
            new("the very first, which makes the index", "ms", made, Row.P95),
        ];

        Task<Samples> Best(Platform asked, int times) =>
            Samples.Timed(times, async () => Full(await asked.Api.List(Page, Condition, Order, cancel)));
    }

    private static void Full(RunList list)
    {
        if (list.Runs.Count != Page) throw new InvalidOperationException($"the list has not {Page} runs");
    }

    private static RunRecord Record(Bench bench, int i) => new()
    {
        Id = bench.Ids.NewestFirst(),
        Project = "bench",
        Experiment = $"net-{i % 20}",
        Version = 1,
        Key = $"{i:x64}",
        Created = bench.Time.GetUtcNow(),
        Started = bench.Time.GetUtcNow(),
        Ended = bench.Time.GetUtcNow(),
        State = RunState.Succeeded,
        Cause = Cause.Completed,
        Epoch = 1,
        Step = 1000,
        Metrics = new Dictionary<string, double> { ["train/loss"] = 1.0 / (i + 1), ["val/accuracy"] = Accuracy(i), ["val/loss"] = 0.3 },
        Spec = new()
        {
            Code = new($"{i:x64}", $"{i:x64}"),
            Command = "train.cs",
            Machine = "cpu",
            Seed = i,
            Params = JsonSerializer.SerializeToElement(new { lr = Rate(i), epochs = 5, batch = 64, i }).EnumerateObject()
                .ToDictionary(param => param.Name, param => param.Value),
        },
    };

    // Anything between 0 and 1, and one of a few.
    private static double Accuracy(int i) => i * 7919 % 10_007 / 10_007.0;

    private static double Rate(int i) => 0.001 * (1 + i % 20);

    private static SqliteConnection Sqlite(Bench bench, List<RunRecord> records)
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(bench.NewFolder("sqlite"), "runs.db")}");
        connection.Open();
        using var transaction = connection.BeginTransaction();
        using var create = connection.CreateCommand();
        create.CommandText = """
            CREATE TABLE runs (id TEXT PRIMARY KEY, accuracy REAL NOT NULL, lr REAL NOT NULL, summary TEXT NOT NULL);
            CREATE INDEX by_accuracy ON runs (accuracy);
            """;
        create.ExecuteNonQuery();
        foreach (var (i, record) in records.Index())
        {
            using var insert = connection.CreateCommand();
            insert.CommandText = "INSERT INTO runs VALUES ($id, $accuracy, $lr, $summary)";
            insert.Parameters.AddWithValue("$id", record.Id);
            insert.Parameters.AddWithValue("$accuracy", Accuracy(i));
            insert.Parameters.AddWithValue("$lr", Rate(i));
            insert.Parameters.AddWithValue("$summary", JsonSerializer.Serialize(RunSummary.Of(record), CoreJson.Options));
            insert.ExecuteNonQuery();
        }

        transaction.Commit();
        return connection;
    }

    private static async Task<Samples> Select(Bench bench, SqliteConnection connection, string which)
    {
        using var select = connection.CreateCommand();
        select.CommandText = $"SELECT summary FROM runs {which} LIMIT {Page}";
        return await Samples.Timed(bench.Times(100, 3), () =>
        {
            using var reader = select.ExecuteReader();
            while (reader.Read()) _ = JsonSerializer.Deserialize<RunSummary>(reader.GetString(0), CoreJson.Options);
            return Task.CompletedTask;
        });
    }
}
