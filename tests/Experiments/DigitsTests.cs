using System.IO.Compression;
using Serverless.Tests.Support;

namespace Serverless.Tests.Experiments;

public sealed class DigitsTests
{
    // Prints what was read: source, side, labels and the ink of each image.
    private const string Show = """
        try
        {
            var digits = Digits.Load(run);
            string Ink(float[] images) => string.Join(',', images.Chunk(digits.Pixels).Take(3).Select(i => i.Sum().ToString("0.##", System.Globalization.CultureInfo.InvariantCulture)));
            Console.WriteLine($"{digits.Side} {string.Join(',', digits.TrainLabels.Take(3))} {Ink(digits.TrainImages)} {string.Join(',', digits.TestLabels.Take(3))} {Ink(digits.TestImages)}");
        }
        catch (InvalidDataException e) { Console.WriteLine(e.Message.Replace(run.Inputs + "/", "")); }
        """;

    [Fact]
    public async Task Csv_IsPixelsAndThenTheDigit()
    {
        using var folder = new SdkRunFolder();
        folder.Input("digits/x-train.csv", "0,16,16,0,7\n4,4,4,4,1\n\n").Input("digits/x-test.csv", "16,0,0,0,9\n");
        Assert.Equal("2 7,1 2,1 9 1", await Shown(folder));
    }

    [Fact]
    public async Task Csv_WithoutATestFile_KeepsTheLastFifth()
    {
        using var folder = new SdkRunFolder();
        folder.Input("all.csv", string.Concat(Enumerable.Range(0, 5).Select(i => $"1,{i}\n")));
        Assert.Equal("1 0,1,2 1,1,1 4 1", await Shown(folder));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Idx_IsReadAsMnistShipsIt(bool gzipped)
    {
        using var folder = new SdkRunFolder();
        foreach (var (part, ink, label) in new[] { ("train", (byte)255, (byte)3), ("t10k", (byte)255, (byte)8) })
        {
            folder.Input($"{part}-images-idx3-ubyte{(gzipped ? ".gz" : "")}",
                Packed([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, ink, 0, 0, ink, ink, 0, 51], gzipped));
            folder.Input($"{part}-labels-idx1-ubyte{(gzipped ? ".gz" : "")}", Packed([0, 0, 8, 1, 0, 0, 0, 2, label, 0], gzipped));
        }

        Assert.Equal("2 3,0 1,2.2 8,0 1,2.2", await Shown(folder));
    }

    [Theory]
    [InlineData("a.csv", "1,2,3,x,5\n", "a.csv, line 1: 'x' is not a number")]
    [InlineData("a.csv", "1,2,3,4,5\n1,2,3,5\n", "a.csv, line 2: 4 values where the first line has 5")]
    [InlineData("a.csv", "1,2,3,4,10\n", "a.csv, line 1: '10' is not a digit")]
    [InlineData("a.csv", "1,2,3,5\n", "a.csv: 3 pixels are not a square image")]
    [InlineData("a.csv", "", "a.csv has no rows")]
    [InlineData("notes.txt", "hello", "no training digits in notes.txt: a .csv, or a pair of IDX files named *images* and *labels*")]
    public async Task FilesThatAreNoDigits_AreNamedWithTheirLine(string name, string content, string message)
    {
        using var folder = new SdkRunFolder();
        Assert.Equal(message, await Shown(folder.Input(name, content)));
    }

    [Fact]
    public async Task Drawings_AreAFunctionOfTheSeed()
    {
        using var folder = new SdkRunFolder();
        var (first, again) = (await Shown(folder), await Shown(folder));
        var other = await Shown(folder.Set("EXP_SEED", "8"));
        Assert.StartsWith("16 0,1,2 ", first, StringComparison.Ordinal);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    private static async Task<string> Shown(SdkRunFolder folder) =>
        (await folder.Run(SdkProgram.Of(Show, SdkProgram.SharedFiles()))).Succeeded().Lines[^1];

    private static byte[] Packed(byte[] bytes, bool gzipped)
    {
        if (!gzipped) return bytes;
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress)) gzip.Write(bytes);
        return packed.ToArray();
    }
}
