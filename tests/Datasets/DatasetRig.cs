using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Datasets;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Publishing;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Datasets;

/// <summary>A workspace in memory whose writes can fail.</summary>
sealed class DatasetRig
{
    public DatasetRig()
    {
        Store = new(Time);
        Bus = new(Time, TimeSpan.FromMinutes(1));
        Bus.Subscribe(QueueNames.Events, "test", Cancel).GetAwaiter().GetResult();
        Failing = new(Store, Bus);
    }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public FakeTimeProvider Time { get; } = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    public MemoryObjectStore Store { get; }
    public MemoryMessageBus Bus { get; }
    public FailingWrites Failing { get; }
    public DatasetCatalog Catalog => new(Store);

    /// <summary>A process of its own: nothing is remembered.</summary>
    public DatasetPublishing Publishing() => new("team", Store, Bus, new SystemIds(Time), new(Store));

    public DatasetPublishing Dying() => new("team", Failing.Store, Failing.Bus, new SystemIds(Time), new(Failing.Store));

    public Task<PutResult> Put(string key, string text, string? publishedBy = null) => Store.Put(
        key, Encoding.UTF8.GetBytes(text), metadata: publishedBy is null ? null : new Dictionary<string, string> { ["publishedfrom"] = publishedBy },
        cancel: Cancel);

    public async Task<DatasetVersionInfo> Publish(string name = "digits", string path = "data/digits/") =>
        Assert.IsType<PublishResult.Published>(await Publishing().Publish(name, path, "ann", Cancel)).Version;

    public async Task<string> Text(string sha256)
    {
        await using var reading = await new ContentStore(Store).Open(sha256, cancel: Cancel);
        using var reader = new StreamReader(reading!.Body);
        return await reader.ReadToEndAsync(Cancel);
    }

    /// <summary>Events that were sent since the last look.</summary>
    public async Task<List<DatasetPublished>> Told()
    {
        var told = new List<DatasetPublished>();
        while (await Bus.Receive(QueueNames.Subscription(QueueNames.Events, "test"), TimeSpan.Zero, Cancel) is { } received)
        {
            told.Add(Assert.IsType<DatasetPublished>(EventReader.WorkspaceEventIn(received.Message)));
            await Bus.Complete(received, Cancel);
        }

        return told;
    }

    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public int Contents => Store.PeekAll(WorkspacePaths.Contents).Count;
}
