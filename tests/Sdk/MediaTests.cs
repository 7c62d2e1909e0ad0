using System.Text.Json;
using SkiaSharp;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

/// <summary>Pictures, tables, texts and histograms are artifacts, tied to a step by their names.</summary>
public sealed class MediaTests
{
    [Fact]
    public async Task WhatIsMoreThanANumber_IsAFileAmongTheArtifacts()
    {
        using var folder = new SdkRunFolder();
        (await folder.Run(SdkProgram.Of("""
            using var grey = torch.arange(6, dtype: torch.ScalarType.Byte).reshape(2, 3) * 50;
            run.LogImage("samples/grey", grey, 7);
            using var colours = torch.stack(new[] { torch.full(2, 2, 1.5), torch.zeros(2, 2), torch.full(2, 2, 0.5) });
            run.LogImage("samples/colours", colours, 12);
            run.LogImage("as-it-is", "<svg xmlns='http://www.w3.org/2000/svg'/>"u8, 1);
            run.LogText("said", "größer\n", 3);
            run.LogTable("table", new[] { "a", "b,c" }, new object?[][] { new object?[] { 1, 0.1 + 0.2 }, new object?[] { null, "x\"y" } }, 4);
            run.LogHistogram("weights", new double[] { 0, 1, 2, 3, 4, double.NaN, double.NegativeInfinity }, 5, bins: 2);
            using var same = torch.ones(10);
            run.LogHistogram("same", same, 5);
            run.LogHistogram("none", ReadOnlySpan<double>.Empty, 5);
            """))).Succeeded();
        var logged = Path.Combine(folder.Output, "artifacts", "logged");
        Assert.Equal(
            [
                "as-it-is/000000000001.svg", "none/000000000005.json", "said/000000000003.txt", "same/000000000005.json",
                "samples/colours/000000000012.png", "samples/grey/000000000007.png", "table/000000000004.csv", "weights/000000000005.json",
            ],
            Directory.GetFiles(logged, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(logged, file)).Order(StringComparer.Ordinal));
        using (var grey = SKBitmap.Decode(Path.Combine(logged, "samples/grey/000000000007.png")))
        {
            Assert.Equal([0, 50, 100, 150, 200, 250], grey.Pixels.Select(pixel => pixel.Red));
            Assert.Equal((3, 2), (grey.Width, grey.Height));
        }

        using (var colours = SKBitmap.Decode(Path.Combine(logged, "samples/colours/000000000012.png")))
        {
            Assert.All(colours.Pixels, pixel => Assert.Equal((255, 0, 128), (pixel.Red, pixel.Green, pixel.Blue)));
        }

        Assert.Equal("a,\"b,c\"\r\n1,0.30000000000000004\r\n,\"x\"\"y\"\r\n", Text("table/000000000004.csv"));
        Assert.Equal("größer\n", Text("said/000000000003.txt"));
        Assert.Equal("""{"edges":[0,2,4],"counts":[2,3],"notFinite":2}""", Text("weights/000000000005.json"));
        Assert.Equal("""{"edges":[1,1],"counts":[10],"notFinite":0}""", Text("same/000000000005.json"));
        Assert.Equal("""{"edges":[0,0],"counts":[0],"notFinite":0}""", Text("none/000000000005.json"));

        string Text(string file) => File.ReadAllText(Path.Combine(logged, file));
    }

    [Theory]
    [InlineData("""run.LogImage("x", "no picture"u8, 1)""", "expected the content of a PNG, JPEG, GIF, WebP or SVG file")]
    [InlineData("""run.LogImage("x", torch.zeros(2, 3, 4), 1)""", "an image has the shape H×W, 1×H×W or 3×H×W, this has 2×3×4")]
    [InlineData("""run.LogText("../x/../../y", "", 1)""", "leads out of its folder")]
    [InlineData("""run.LogText("", "", 1)""", "what is logged has a name")]
    [InlineData("""run.LogText("x", "", -1)""", "step")]
    [InlineData("""run.LogTable("x", new[] { "a" }, new object?[][] { new object?[] { 1, 2 } }, 1)""", "a row has 2 values for 1 columns")]
    public async Task WhatCannotBeKept_IsSaid(string call, string said)
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of($"try {{ {call}; }} catch (ArgumentException e) {{ Console.WriteLine(e.Message); }}"));
        Assert.Contains(said, outcome.Output, StringComparison.Ordinal);
    }
}
