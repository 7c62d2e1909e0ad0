using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>Nothing else runs beside it: it measures the memory of its process.</summary>
[CollectionDefinition(nameof(LargeReadTests), DisableParallelization = true)]
[Collection(nameof(LargeReadTests))]
public sealed class LargeReadTests
{
    private const int Segments = 4, PointsOfASegment = 500_000, Readers = 4;

    /// <summary>
    /// What four readers together may hold beside what was there: a list of the points alone would take five times as much for each.
    /// </summary>
    private const long Bound = 96L << 20;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("metrics?format=csv")]
    [InlineData("metrics?maxPoints=1000000")]
    [InlineData("metrics?maxPoints=1000&names=val/*")]
    public async Task TwoMillionPoints_AreReadByManyAtOnce_InLittleMemory(string what)
    {
        using var folder = new TemporaryFolder();
        await using var host = await EmbeddedHost.Start(new() { DataFolder = folder.Path }, Cancel);
        using var client = new HttpClient { BaseAddress = host.Address, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim());
        var id = new SystemIds(TimeProvider.System).NewestFirst();
        var store = new LocalWorkspaces(folder.Path, TimeProvider.System).Open(LocalWorkspaces.Default);
        await Store(store, id);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var most = 0L;
        var reading = Task.WhenAll(Enumerable.Range(0, Readers).Select(_ => Read(client, $"api/runs/{id}/{what}")));
        while (await Task.WhenAny(reading, Task.Delay(BetweenLooks, TimeProvider.System, Cancel)) != reading)
        {
            most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        var lengths = await reading;
        Assert.All(lengths, length => Assert.Equal(lengths[0], length));
        Assert.True(most < Bound, $"{most >> 20} MiB while {Readers} read {lengths[0]} bytes each");
        if (what.EndsWith("csv", StringComparison.Ordinal)) Assert.InRange(lengths[0], Segments * PointsOfASegment * 50L, long.MaxValue);
    }

    private static async Task<long> Read(HttpClient client, string what)
    {
        await using var body = await client.GetStreamAsync(what, Cancel);
        var buffer = new byte[1 << 16];
        var length = 0L;
        while (await body.ReadAsync(buffer, Cancel) is var count and > 0) length += count;
        return length;
    }

    private static async Task Store(IObjectStore store, string id)
    {
        var runs = new RunStore(store);
        await runs.Create(Some.Run(id), Cancel);
        await runs.Apply(id, new RunEvent.Claim("worker-1", TimeSpan.FromHours(1)), Cancel);
        var bytes = new byte[64 + (PointsOfASegment * MetricStream.PointBytes)];
        for (var segment = 0; segment < Segments; segment++)
        {
            MetricStream.Header.CopyTo(bytes);
            var length = 8;
            length += MetricStream.WriteName(bytes.AsSpan(length), 1, "val/accuracy");
            length += MetricStream.WriteName(bytes.AsSpan(length), 2, "loss");
            for (var i = 0; i < PointsOfASegment; i++)
            {
                var step = (segment * (long)PointsOfASegment) + i;
                length += MetricStream.WritePoint(bytes.AsSpan(length), (uint)(1 + (i % 2)), step, 1_790_000_000_000_000 + step, Math.Sin(step));
            }

            await store.Put(WorkspacePaths.MetricsSegment(id, 1, segment), bytes.AsSpan(0, length).ToArray(), cancel: Cancel);
        }
    }
}
