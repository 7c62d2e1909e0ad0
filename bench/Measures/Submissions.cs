using System.Diagnostics;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Serverless.Bench.Measures;

/// <summary>Submissions that survive a power cut, each answered before its client sends the next.</summary>
sealed class Submissions : IMeasure
{
    private const int Clients = 8;

    public string Name => "submissions";
    public string What => "durable submissions over HTTP from 8 clients";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        var each = bench.Times(200, 5);
        await using var platform = await Platform.ApiAlone(bench.NewFolder("submissions"), cancel);
        var snapshot = await Scripts.Put(platform.Api, "tiny.cs", cancel);
        var ours = await Rates(
            bench, each, (round, client, i) => platform.Api.Submit(Api.Spec(snapshot, "tiny.cs", new { round, client, i }), cancel));
        var theirs = await Inserts(bench, each, snapshot);
        return [new("submissions, 8 clients", "/s", ours, Baseline: new("SQLite: insert of the same bodies, fsync each, no HTTP", theirs),
            Target: new(400, AtLeast: true))];
    }

    private static async Task<Samples> Rates(Bench bench, int each, Func<int, int, int, Task> submit)
    {
        for (var i = 0; i < 20; i++) await submit(-1, 0, i);
        var rates = new List<double>();
        for (var round = 0; round < bench.Times(5, 1); round++)
        {
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
            {
                for (var i = 0; i < each; i++) await submit(round, client, i);
            })));
            rates.Add(Clients * each / Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        return new(rates);
    }

    private static async Task<Samples> Inserts(Bench bench, int each, string snapshot)
    {
        var connection = new SqliteConnectionStringBuilder { DataSource = Path.Combine(bench.NewFolder("sqlite"), "runs.db"),
            DefaultTimeout = 60 }.ToString();
        Execute(connection, "PRAGMA journal_mode = WAL; CREATE TABLE runs (id TEXT PRIMARY KEY, body TEXT NOT NULL)");
        var rates = await Rates(bench, each, (round, client, i) =>
        {
            Execute(connection, "PRAGMA synchronous = FULL; INSERT INTO runs VALUES ($id, $body)",
                ("$id", bench.Ids.NewestFirst()), ("$body", Encoding.UTF8.GetString(Api.Spec(snapshot, "tiny.cs", new { round, client, i }))));
            return Task.CompletedTask;
        });
        SqliteConnection.ClearAllPools();
        return rates;
    }

    private static void Execute(string connectionString, string text, params (string Name, object Value)[] parameters)
    {
        using var connection = new SqliteConnection(connectionString);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = text;
        foreach (var (name, value) in parameters) command.Parameters.AddWithValue(name, value);
        command.ExecuteNonQuery();
    }
}
