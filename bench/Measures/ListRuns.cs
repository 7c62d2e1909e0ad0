using System.Diagnostics;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;

namespace Serverless.Bench.Measures;

/// <summary>The newest 100 of 10,000 runs.</summary>
sealed class ListRuns : IMeasure
{
    private const int Page = 100;

    public string Name => "list";
    public string What => "the newest 100 of 10,000 runs over HTTP";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        var count = bench.Times(10_000, 200);
        var folder = bench.NewFolder("list");
        bench.Say($"writing {count} run records");
        var runs = new RunStore(new LocalWorkspaces(folder, bench.Time).Open(LocalWorkspaces.Default));
        var records = Enumerable.Range(0, count).Select(i => Record(bench, i)).ToList();
        await Parallel.ForEachAsync(records, cancel, async (record, token) => await runs.Create(record, token));

        await using var platform = await Platform.ApiAlone(folder, cancel);
        var first = await Timed(1, () => platform.Api.List(Page, cancel));
        var times = await Timed(bench.Times(100, 3), async () =>
        {
            if ((await platform.Api.List(Page, cancel)).Runs.Count != Page) throw new InvalidOperationException($"the list has not {Page} runs");
        });
        return
        [
            new($"newest {Page} of {count:#,0} runs", "ms", times, Row.P95,
                new("SQLite: select and parse the same summaries, no HTTP", await Select(bench, records)), new(20)),
            new("the first such request after the start", "ms", first, Row.P95),
        ];
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
        Metrics = new Dictionary<string, double> { ["train/loss"] = 1.0 / (i + 1), ["val/accuracy"] = 0.9, ["val/loss"] = 0.3 },
        Spec = new()
        {
            Code = new($"{i:x64}", $"{i:x64}"),
            Command = "train.cs",
            Machine = "cpu",
            Seed = i,
            Params = JsonSerializer.SerializeToElement(new { lr = 0.001, epochs = 5, batch = 64, i }).EnumerateObject()
                .ToDictionary(param => param.Name, param => param.Value),
        },
    };

    private static async Task<Samples> Timed(int count, Func<Task> act)
    {
        var times = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await act();
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return new(times);
    }

    private static async Task<Samples> Select(Bench bench, List<RunRecord> records)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(bench.NewFolder("sqlite"), "runs.db")}");
        connection.Open();
        using (var transaction = connection.BeginTransaction())
        {
            using var create = connection.CreateCommand();
            create.CommandText = "CREATE TABLE runs (id TEXT PRIMARY KEY, summary TEXT NOT NULL)";
            create.ExecuteNonQuery();
            foreach (var record in records)
            {
                using var insert = connection.CreateCommand();
                insert.CommandText = "INSERT INTO runs VALUES ($id, $summary)";
                insert.Parameters.AddWithValue("$id", record.Id);
                insert.Parameters.AddWithValue("$summary", JsonSerializer.Serialize(RunSummary.Of(record), CoreJson.Options));
                insert.ExecuteNonQuery();
            }

            transaction.Commit();
        }

        using var select = connection.CreateCommand();
        select.CommandText = $"SELECT summary FROM runs ORDER BY id LIMIT {Page}";
        return await Timed(bench.Times(100, 3), () =>
        {
            using var reader = select.ExecuteReader();
            while (reader.Read()) _ = JsonSerializer.Deserialize<RunSummary>(reader.GetString(0), CoreJson.Options);
            return Task.CompletedTask;
        });
    }
}
