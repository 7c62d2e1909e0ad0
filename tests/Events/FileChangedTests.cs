using System.Text.Json.Nodes;
using Serverless.Core;
using Serverless.Core.Events;
using Serverless.Core.Messaging;

namespace Serverless.Tests.Events;

/// <summary>The message that says that a file changed, as Event Grid sends it and as the platform does.</summary>
public sealed class FileChangedTests
{
    private static readonly SystemIds Ids = new(TimeProvider.System);

    [Fact]
    public void EventGridsEvent_IsUnderstood()
    {
        var happened = FileChanged.From(new("1", EventGrids().ToJsonString()));
        Assert.Equal(
            new FileChanged("team", "data/digits/train.csv", "0x8D76C39E4407333", 524288,
                new DateTimeOffset(2026, 11, 18, 15, 13, 39, TimeSpan.Zero).AddTicks(4589254)), happened);
    }

    [Theory]
    [InlineData("data/plain.csv")]
    [InlineData("data/with space/ä ü 💎.csv")]
    [InlineData("data/100%/a%20b+c&d=e#f?.csv")]
    [InlineData("data/a/blobs/team/data/b")]
    [InlineData("data/'quoted \"name\"'.json")]
    public void Message_SaysWhatWasPutIn(string path)
    {
        var happened = new FileChanged("team", path, "8dd0a1-2c", 44, new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero));
        var message = happened.ToMessage(Ids);
        Assert.Equal(happened, FileChanged.From(message));
        Assert.NotEqual(message.Id, happened.ToMessage(Ids).Id);
        var cloudEvent = JsonNode.Parse(message.Body)!;
        Assert.Equal("1.0", (string?)cloudEvent["specversion"]);
        Assert.All((string[])["id", "source", "type", "subject", "time"], name => Assert.NotEmpty(cloudEvent[name]!.ToString()));
    }

    [Theory]
    [InlineData("data/a b.csv", "https://x.blob.core.windows.net/team/data/a%20b.csv", "data/a b.csv")]
    [InlineData("data/a%20b.csv", "https://x.blob.core.windows.net/team/data/a%20b.csv", "data/a b.csv")]
    [InlineData("data/100%25.csv", "https://x.blob.core.windows.net/team/data/100%2525.csv", "data/100%25.csv")]
    [InlineData("data/a%20b.csv", null, "data/a b.csv")]
    [InlineData("data/a b.csv", null, "data/a b.csv")]
    [InlineData("data/x.csv", "http://127.0.0.1:10000/devstoreaccount1/team/data/x.csv", "data/x.csv")]
    public void Names_AreDecodedOnce(string inSubject, string? url, string path)
    {
        var sent = EventGrids();
        sent["subject"] = $"/blobServices/default/containers/team/blobs/{inSubject}";
        sent["data"]!["url"] = url;
        Assert.Equal(path, FileChanged.From(new("1", sent.ToJsonString()))!.Path);
    }

    [Fact]
    public void Subject_WithoutTheSlashAtItsStart_IsTheSame()
    {
        var sent = EventGrids();
        sent["subject"] = "blobServices/default/containers/team/blobs/data/digits/train.csv";
        Assert.Equal("data/digits/train.csv", FileChanged.From(new("1", sent.ToJsonString()))!.Path);
    }

    [Theory]
    [InlineData("Microsoft.Storage.BlobDeleted", "team", "data/x.csv")]
    [InlineData("Microsoft.Storage.BlobTierChanged", "team", "data/x.csv")]
    [InlineData("Microsoft.Storage.BlobCreated", "team", "runs/01ABC.json")]
    [InlineData("Microsoft.Storage.BlobCreated", "team", "reports/data/x.csv")]
    [InlineData("Microsoft.Storage.BlobCreated", "team", "data/../runs/x")]
    [InlineData("Microsoft.Storage.BlobCreated", "team", "data/a//b")]
    [InlineData("Microsoft.Storage.BlobCreated", "platform", "data/x.csv")]
    [InlineData("Microsoft.Storage.BlobCreated", "$logs", "data/x.csv")]
    public void EventsAboutSomethingElse_AreNobodys(string type, string container, string name)
    {
        var sent = EventGrids();
        sent["type"] = type;
        sent["subject"] = $"/blobServices/default/containers/{container}/blobs/{name}";
        sent["data"]!["url"] = $"https://x.blob.core.windows.net/{container}/{name}";
        Assert.Null(FileChanged.From(new("1", sent.ToJsonString())));
    }

    [Theory]
    [InlineData("no json", "cannot be read")]
    [InlineData("null", "null")]
    [InlineData("{}", "type")]
    [InlineData("""{"type":"Microsoft.Storage.BlobCreated"}""", "subject")]
    [InlineData("""{"type":"Microsoft.Storage.BlobCreated","subject":"/blobServices/default/containers/team"}""", "subject")]
    [InlineData("""{"type":"Microsoft.Storage.BlobCreated","subject":"/blobServices/default/containers/team/blobs/data/x"}""", "eTag")]
    [InlineData(
        """{"type":"Microsoft.Storage.BlobCreated","subject":"/blobServices/default/containers/team/blobs/data/x","data":{"eTag":""}}""", "eTag")]
    public void WhatCannotBeUnderstood_SaysWhatIsMissing(string body, string missing) =>
        Assert.Contains(missing, Assert.Throws<InvalidDataException>(() => FileChanged.From(new Message("1", body))).Message);

    // In the shape of Microsoft's documentation of blob events in the CloudEvents schema.
    private static JsonNode EventGrids() => JsonNode.Parse("""
        {
          "source": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-team/providers/Microsoft.Storage/storageAccounts/stexp",
          "subject": "/blobServices/default/containers/team/blobs/data/digits/train.csv",
          "type": "Microsoft.Storage.BlobCreated",
          "time": "2026-11-18T15:13:39.4589254Z",
          "id": "9aeb0fdf-c01e-0131-0922-9eb54906e209",
          "data": {
            "api": "PutBlockList",
            "clientRequestId": "4c5dd7fb-2c48-4a27-bb30-5361b5de920a",
            "requestId": "9aeb0fdf-c01e-0131-0922-9eb549000000",
            "eTag": "0x8D76C39E4407333",
            "contentType": "text/csv",
            "contentLength": 524288,
            "blobType": "BlockBlob",
            "accessTier": "Default",
            "url": "https://stexp.blob.core.windows.net/team/data/digits/train.csv",
            "sequencer": "00000000000004420000000000028963",
            "storageDiagnostics": { "batchId": "b68529f3-68cd-4744-baa4-3c0498ec19f0" }
          },
          "specversion": "1.0"
        }
        """)!;
}
