using System.Globalization;
using System.Text;
using Serverless.Tests.Fuzz;

namespace Serverless.Tests.Worker.Capture;

/// <summary>Code that writes <c>metrics.jsonl</c> with its whole history again and again, which is looked at in the middle of it.</summary>
public sealed class RewrittenMetricsTests : IDisposable
{
    private readonly CaptureRig rig = new();

    public void Dispose() => rig.Dispose();

    /// <summary>Its last bytes are always the same: those of the oldest line, or of the name that is last in each.</summary>
    [Theory]
    [InlineData(100)]
    [InlineData(3)]
    public async Task FileOfTheNewestLinesFirst_WhoseEndsLookAlike_HasEachPointOnce(int most)
    {
        const string Name = "train/loss_of_the_encoder_with_a_rather_long_name_as_frameworks_make_them";
        List<string> lines = [];
        for (var step = 100; step < 110; step++)
        {
            lines.Insert(0, FormattableString.Invariant($"{{\"step\":{step},\"value\":{step / 1000.0},\"name\":\"{Name}\"}}\n"));
            await rig.Rewrites(string.Concat(lines.Take(most))).Collects();
        }

        await rig.Ends();

        Assert.Equal(Enumerable.Range(100, 10), (await rig.Points()).Select(point => (int)point.Step));
    }

    [Fact]
    public async Task FileThatIsTruncatedAndWrittenAgain_HasEachPointOnce_AndItIsSaidOnce()
    {
        var history = new StringBuilder();
        for (var epoch = 1; epoch <= 5; epoch++)
        {
            rig.Rewrites("");
            await rig.Collects();
            rig.Writes(history.Append(Line("loss", epoch, epoch)).ToString());
            await rig.Collects();
        }

        await rig.Ends();

        Assert.Equal("loss@1=1 loss@2=2 loss@3=3 loss@4=4 loss@5=5", await rig.Curves());
        Assert.Equal(2, (await rig.LogText()).Split("was written anew").Length);
    }

    /// <summary>As long as before, at least: the length says nothing.</summary>
    [Fact]
    public async Task FileWithOtherValues_KeepsWhatWasReadFirst_AndGoesOn()
    {
        await rig.Writes(Line("loss", 1, 5) + Line("loss", 2, 5)).Collects();
        await rig.Rewrites(Line("loss", 1, 7) + Line("loss", 2, 7)).Collects();
        await rig.Rewrites(Line("loss", 1, 8) + Line("loss", 2, 8) + Line("loss", 3, 8)).Ends();

        Assert.Equal("loss@1=5 loss@2=5 loss@3=8", await rig.Curves());
    }

    [Fact]
    public async Task FileThatIsReplacedByALongerOne_IsReadOn_AndNothingIsSaid()
    {
        // Steps that begin again in every epoch, which is why no step tells what is new.
        var first = Line("loss", 1, 1) + Line("loss", 2, 2);
        await rig.Writes(first).Collects();
        await rig.Replaces(first + Line("loss", 1, 3) + Line("loss", 2, 4)).Ends();

        Assert.Equal("loss@1=1 loss@2=2 loss@1=3 loss@2=4", await rig.Curves());
        Assert.DoesNotContain("anew", await rig.LogText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StepsThatGoBackInAFileThatOnlyGrows_AreAllKept()
    {
        await rig.Writes(Line("loss", 1, 1) + Line("loss", 2, 2)).Collects();
        await rig.Writes(Line("loss", 1, 3)).Ends();

        Assert.Equal("loss@1=1 loss@2=2 loss@1=3", await rig.Curves());
    }

    [Fact]
    public async Task FileWithTheNewestLineFirst_HasEachPointOnce()
    {
        var all = "";
        for (var step = 1; step <= 20; step++) await rig.Replaces(all = Line("loss", step, step) + all).Collects();
        await rig.Ends();

        var points = await rig.Points();
        Assert.Equal(Enumerable.Range(1, 20).Select(step => (long)step), points.Select(point => point.Step));
        Assert.Contains("only what it did not have is added", await rig.LogText(), StringComparison.Ordinal);
    }

    [Fact]
    public Task AnyOrderOfLooksAndRewrites_GivesEachPointOnce_WithItsFirstValue() => FuzzRun.Of(60, async random =>
    {
        using var one = new CaptureRig();
        var (valuesChange, newestFirst) = (random.Below(2) == 0, random.Below(2) == 0);
        var history = new List<(string Name, long Step, double Value)>();
        string[] names = ["loss", "acc", "lr"];
        var steps = new long[names.Length];
        for (var turn = 0; turn < 30; turn++)
        {
            for (var made = random.Below(4); made > 0; made--)
            {
                var which = random.Below(names.Length);
                history.Add((names[which], steps[which] += random.Below(29) + 1, random.Below(100)));
            }

            var all = string.Concat((newestFirst ? Enumerable.Reverse(history) : history).Select(point => Line(point.Name, point.Step, valuesChange ? point.Value + turn : point.Value)));
            if (newestFirst)
            {
                // Such a file is found whole: it cannot be written from its end.
                await one.Replaces(all).Collects();
                continue;
            }

            if (random.Below(2) == 0) one.Rewrites("");
            else one.Replaces("");
            for (var at = 0; at < all.Length;)
            {
                var length = Math.Min(random.Below(200) + 1, all.Length - at);
                one.Writes(all.Substring(at, length));
                at += length;
                if (random.Below(4) == 0) await one.Collects();
            }
        }

        await one.Ends();
        var points = await one.Points();
        Assert.Equal(history.Select(point => (point.Name, point.Step)).Order(), points.Select(point => (point.Name, point.Step)).Order());
        if (!valuesChange) Assert.Equal(history.Order(), points.Select(point => (point.Name, point.Step, point.Value)).Order());
    });

    private static string Line(string name, long step, double value) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"step":{{step}},"name":"{{name}}","value":{{value}}}""") + "\n";
}
