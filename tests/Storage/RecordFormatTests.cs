using System.Text;
using Microsoft.Extensions.Logging;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

public sealed class RecordFormatTests
{
    private static readonly string Key = WorkspacePaths.Run("run-1");

    [Fact]
    public void WhatIsWritten_BeginsWithItsVersion_AndReadsBack()
    {
        var body = RecordFormat.Write(Key, Some.Run());
        Assert.StartsWith("{\"formatVersion\":1,\"id\":\"run-1\"", Encoding.UTF8.GetString(body), StringComparison.Ordinal);
        Assert.Equal("run-1", RecordFormat.Read<RunRecord>(Key, body).Id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\uFEFF")]
    public void RecordWithoutAVersion_IsOfTheFirst_AlsoBehindAnEditorsMark(string before) =>
        Assert.Equal(
            "run-1", RecordFormat.Read<RunRecord>(
                Key, Encoding.UTF8.GetBytes(
                    before + Encoding.UTF8.GetString(RecordFormat.Write(Key, Some.Run()))
                        .Replace("\"formatVersion\":1,", "", StringComparison.Ordinal))).Id);

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("null", "it is null")]
    [InlineData("{\"id\":\"run", "it is not JSON (line 1, byte")]
    [InlineData("{}", "it lacks 'id'")]
    [InlineData("{\"formatVersion\":2}", "newer version of the platform: format 2, this one reads up to 1")]
    [InlineData("{\"formatVersion\":\"one\"}", "its formatVersion is no number")]
    [InlineData("{\"\\ud83d a long name\":1}", "half a character")]
    public void WhatIsNoRun_IsDamaged_AndSaysWhy(string text, string why)
    {
        var damage = Assert.Throws<DamagedRecordException>(() => RecordFormat.Read<RunRecord>(Key, Encoding.UTF8.GetBytes(text))).Damage;
        Assert.Equal(Key, damage.Key);
        Assert.Contains(why, damage.Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"tags\":[]", "\"tags\":[\"a\",null]", "its tags[1] is null")]
    [InlineData("\"env\":{}", "\"env\":{\"A\":null}", "its spec.env.A is null")]
    [InlineData("\"inputs\":[]", "\"inputs\":[null]", "its spec.inputs[0] is null")]
    public void NullInAList_IsDamage(string whole, string damaged, string why)
    {
        var text = Encoding.UTF8.GetString(RecordFormat.Write(Key, Some.Run()));
        Assert.Contains(whole, text, StringComparison.Ordinal);
        var damage = Assert.Throws<DamagedRecordException>(
            () => RecordFormat.Read<RunRecord>(Key, Encoding.UTF8.GetBytes(text.Replace(whole, damaged, StringComparison.Ordinal)))).Damage;
        Assert.Equal(why, damage.Why);
    }

    [Fact]
    public void RecordOfAnother_UnderThisName_IsDamaged()
    {
        var damaged = Assert.Throws<DamagedRecordException>(
            () => RecordFormat.Read<RunRecord>(WorkspacePaths.Run("run-2"), RecordFormat.Write(Key, Some.Run())));
        Assert.Equal("runs/run-2.json is damaged: it is the record of run run-1", damaged.Message);
    }

    [Fact]
    public async Task WhatReadingWouldRefuse_IsNotStored()
    {
        var store = new MemoryObjectStore(TimeProvider.System);
        var version = new DatasetVersion("d", 1, "s", default, null, null, null!);

        await Refused(WorkspacePaths.Run("run-2"), Some.Run(), "it is the record of run run-1");
        await Refused(WorkspacePaths.DatasetVersion("d", 1), version, "files");

        async Task Refused<T>(string key, T record, string why)
        {
            var refused = await Assert.ThrowsAsync<UnfitRecordException>(
                () => store.PutJson(key, record, cancel: TestContext.Current.CancellationToken));
            Assert.StartsWith($"{key} cannot be stored: ", refused.Message, StringComparison.Ordinal);
            Assert.Contains(why, refused.Message, StringComparison.Ordinal);
            Assert.Null(await store.Get(key, cancel: TestContext.Current.CancellationToken));
        }
    }

    [Theory]
    [InlineData("""{"name":"d","number":1,"sha256":"s","created":"2030-01-01T00:00:00Z","files":null}""")]
    [InlineData("""{"name":"d","number":1,"sha256":"s","created":"2030-01-01T00:00:00Z"}""")]
    public void WhatATypePromises_MustBeThere(string text) =>
        Assert.Throws<DamagedRecordException>(
            () => RecordFormat.Read<DatasetVersion>(WorkspacePaths.DatasetVersion("d", 1), Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void TriggerWhoseConditionIsDamaged_IsDamaged_AndDoesNotActOnEverything()
    {
        var text = """{"id":"1","definition":{"name":"t","when":{"run":{"project":"p","experiment":"e","state":["succeeded"],"where":"metrics.acc >> "}},"then":{"project":"p","name":"n"},"limits":{"perHour":1,"depth":1}},"created":"2030-01-01T00:00:00Z","since":"2030-01-01T00:00:00Z"}""";
        Assert.Contains(
            "condition", Assert.Throws<DamagedRecordException>(
                () => RecordFormat.Read<TriggerRecord>(WorkspacePaths.Trigger("t"), Encoding.UTF8.GetBytes(text))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Notices_TellOfEachDamageOnce_AndHandBackEverythingElse()
    {
        var told = new LogLines();
        using var logs = new LoggerFactory([told]);
        var notices = new DamageNotices(logs.CreateLogger<DamageNotices>());
        var (damage, fault) = (new DamagedRecordException(new("runs/x.json", "it is empty")), new InvalidOperationException("a bug"));
        Assert.Same(fault, Assert.Single(notices.Tell(new AggregateException(damage, fault))));
        Assert.Empty(notices.Tell(damage));
        Assert.EndsWith(
            " warning: runs/x.json is damaged: it is empty. What can be done: exp doctor", Assert.Single(told.All), StringComparison.Ordinal);
        notices.Tell(new DamagedRecord("runs/x.json", "it is null"));
        Assert.Equal(2, told.All.Count);
    }
}
