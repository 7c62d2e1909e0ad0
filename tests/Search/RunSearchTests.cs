using System.Globalization;
using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Runs.Settled;
using Serverless.Core.Search;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Search;

public sealed class RunSearchTests
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);
    private readonly RunSearch search;

    public RunSearchTests() => search = new(new(store), new(store), TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runs_AreOrdered_AndThoseThatHaveNothingOfIt_ComeLast()
    {
        await Save(0, acc: 0.5);
        await Save(1, acc: null);
        await Save(2, acc: 0.9);
        await Save(3, acc: double.NaN);
        await Save(4, acc: 0.5);

        Assert.Equal("2 0 4 3 1", await Listed(order: "-acc"));
        Assert.Equal("0 4 2 3 1", await Listed(order: "acc"));
        Assert.Equal("2 4 0 3 1", await Listed(order: "-acc, -id"));
        Assert.Equal("0 4 2", await Listed("has acc and acc > 0", "acc"));
        Assert.Equal("4 3 2 1 0", await Listed(order: "-id"));
    }

    [Fact]
    public async Task Texts_AreOrdered_BehindNumbers()
    {
        await Save(0, param: "\"b\"");
        await Save(1, param: "10");
        await Save(2, param: "9");
        await Save(3, param: "\"a\"");
        Assert.Equal("2 1 3 0", await Listed(order: "p"));
        Assert.Equal("1 2 0 3", await Listed(order: "-p"));
    }

    [Theory]
    [InlineData("-acc")]
    [InlineData("acc, id")]
    [InlineData(null)]
    public async Task Pages_FollowOneAnother_WithoutGapsOrRepetitions(string? order)
    {
        for (var i = 0; i < 23; i++) await Save(i, acc: i % 5 == 0 ? null : i % 3);
        var whole = await Listed("version = 1", order);
        var paged = new List<string>();
        string? after = null;
        do
        {
            var page = await List("version = 1", order, 4, after);
            paged.AddRange(page!.Runs.Select(run => $"{int.Parse(run.Id, CultureInfo.InvariantCulture)}"));
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(whole, string.Join(' ', paged));
    }

    [Fact]
    public async Task APageAfterARunThatWasDeleted_HasNoPlace_WhenThereIsAnOrder()
    {
        await Save(0, acc: 1);
        Assert.Null(await List(null, "acc", 4, Id(7)));
        Assert.Single((await List("acc = 1", null, 4, $"{Id(0)[..^1]}."))!.Runs);
    }

    /// <summary>A summary has the most telling 24 metrics only, and what fits into 4 KiB.</summary>
    [Fact]
    public async Task WhatASummaryHasNoRoomFor_IsFoundAllTheSame()
    {
        for (var i = 0; i < 3; i++)
        {
            var many = Enumerable.Range(0, 60).ToDictionary(one => $"z{one:D2}", one => (double)(one * (i + 1)));
            var parameters = Enumerable.Range(0, 100).ToDictionary(one => $"p{one:D2}", one => JsonElement.Parse($"\"{new string('x', 40)}{i}\""));
            await Save(SampleRuns.Run(Id(i)) with { Metrics = many, Spec = SampleRuns.Run().Spec with { Params = parameters } });
        }

        Assert.Equal("2 1", await Listed("z59 > 100", "-z59"));
        Assert.Equal("1", await Listed("p99 ~ '*1'"));
        var found = (await List("z59 > 100 and z58 > 0", null, 1, null))!.Runs[0];
        Assert.Equal((118, 60), (found.Metrics["z59"], found.Metrics.Count + found.MetricsLeftOut));
    }

    [Fact]
    public async Task ANameThatNoRunHas_IsSaid_WithOneThatIsMeant()
    {
        await Save(0, acc: 0.5, param: "1");
        Assert.Equal(["no run has a metric or a parameter 'acx'; did you mean 'acc'?"], (await List("acx > 0.4", null, 10, null))!.Remarks);
        Assert.Equal(["no run has a metric 'p'"], (await List(null, "-metrics.p", 10, null))!.Remarks);
        Assert.Null((await List("acc > 0.6", "-p", 10, null))!.Remarks);
        await Save(SampleRuns.Run(Id(1)) with { Metrics = new Dictionary<string, double> { ["val/accuracy"] = 1 } });
        Assert.Equal(
            ["no run has a metric or a parameter 'acuracy'; did you mean 'val/accuracy'?"], (await List("acuracy > 3", null, 10, null))!.Remarks);
    }

    [Theory]
    [InlineData("", "it ends where")]
    [InlineData("-", "it ends where")]
    [InlineData("acc lr", "expected a comma or the end")]
    [InlineData("acc,", "it ends where")]
    [InlineData("3", "expected a metric")]
    [InlineData("a,b,c,d,e,f", "more than 5 names")]
    [InlineData("`acc", "is not closed")]
    public void AnOrderThatIsNone_IsRefused(string order, string problem) =>
        Assert.Contains(problem, RunOrder.Parse(order).Problem, StringComparison.Ordinal);

    [Fact]
    public async Task NamesInBackquotes_CanBeOrderedBy()
    {
        await Save(SampleRuns.Run(Id(0)) with { Metrics = new Dictionary<string, double> { ["odd, name"] = 1 } });
        await Save(SampleRuns.Run(Id(1)) with { Metrics = new Dictionary<string, double> { ["odd, name"] = 2 } });
        Assert.Equal("1 0", await Listed(order: "- `odd, name`"));
        Assert.Equal("0 1", await Listed(order: "`odd, name`,created"));
    }

    [Fact]
    public async Task DamagedRuns_AreNamedBesideTheOthers()
    {
        await Save(0, acc: 1);
        await store.Put(WorkspacePaths.Run(Id(1)), "{"u8, cancel: Cancel);
        var list = await List("acc = 1", "acc", 10, null);
        Assert.Equal((1, 1), (list!.Runs.Count, list.Damaged!.Count));
    }

    private async Task<string> Listed(string? where = null, string? order = null) =>
        string.Join(' ', (await List(where, order, 100, null))!.Runs.Select(run => int.Parse(run.Id, CultureInfo.InvariantCulture)));

    private Task<RunList?> List(string? where, string? order, int limit, string? after) => search.List(
        new(), where is null ? null : RunSearch.ParseCondition(where).Condition, order is null ? null : RunOrder.Parse(order).Order,
        limit, after, Cancel);

    private Task Save(int number, double? acc = null, string? param = null) => Save(SampleRuns.Run(Id(number)) with
    {
        Metrics = acc is { } value ? new Dictionary<string, double> { ["acc"] = value } : [],
        Spec = SampleRuns.Run().Spec with
        {
            Params = param is null ? [] : new Dictionary<string, JsonElement> { ["p"] = JsonElement.Parse(param) },
        },
    });

    private async Task Save(RunRecord run)
    {
        await new RunStore(store).Create(run, Cancel);
        await SettledMark.PutEnd(store, run.Id, Cancel);
    }

    private static string Id(int number) => $"{number:D26}";
}
