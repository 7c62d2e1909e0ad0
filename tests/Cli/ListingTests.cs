using Serverless.Cli.Terminal;
using Spectre.Console;

namespace Serverless.Tests.Cli;

/// <summary>A table is readable however narrow the terminal is and whatever people have named.</summary>
public sealed class ListingTests
{
    private static readonly string[] Hostile =
    [
        "a", "train/loss", new('m', 250), string.Concat(Enumerable.Repeat("損失関数", 60)), string.Concat(Enumerable.Repeat("👩🏽‍🔬", 40)),
        string.Concat(Enumerable.Repeat("e\u0301", 120)), "two words and then some more of them, as a message has", "[bold]no markup[/]", "",
    ];

    [Fact]
    public void NoLine_IsWiderThanTheTerminal_AndEveryRowIsOneLine()
    {
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var (columns, rows, width) = (AnyColumns(random), random.Next(1, 4), random.Next(24, 201));
            var listing = new Listing(columns);
            for (var row = 0; row < rows; row++) listing.Add([.. columns.Select(column => AnyCell(column, random))]);

            var lines = Lines(listing, width);

            Assert.Equal(rows + 1, lines.Length);
            Assert.All(lines, line => Assert.InRange(line.GetCellWidth(), 0, width));
        }
    }

    [Fact]
    public void ColumnsThatMatterLeast_AreHiddenFirst_AndNamed()
    {
        var listing = new Listing(Column.Text("NAME"), Column.Text("WHY", 1), Column.Number("SIZE", 2), Column.Number("AGE", 3))
            .Add(new string('n', 200), new string('w', 200), "12 kB", "3 days");
        Assert.Empty(listing.Lay(80).Hidden);
        Assert.Equal(["AGE"], listing.Lay(36).Hidden);
        Assert.Equal(["SIZE", "AGE"], listing.Lay(30).Hidden);
        Assert.Equal(["WHY", "SIZE", "AGE"], listing.Lay(20).Hidden);
    }

    [Fact]
    public void Numbers_AreWholeOrHidden()
    {
        var listing = new Listing(Column.Text("NAME"), Column.Number("LOSS", 1)).Add(new string('n', 200), "0.123456789");
        for (var width = 16; width < 100; width++)
        {
            var isHidden = listing.Lay(width).Hidden.Count > 0;
            Assert.Equal(!isHidden, Lines(listing, width)[1].EndsWith(" 0.123456789", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void LongCells_KeepTheirBeginningAndTheirEnd()
    {
        var row = Lines(new Listing(Column.Text("PATH")).Add("data/" + new string('x', 200) + "/weights.safetensors"), 40)[1];
        Assert.StartsWith("data/", row, StringComparison.Ordinal);
        Assert.EndsWith("s.safetensors", row, StringComparison.Ordinal);
        Assert.Equal(40, row.GetCellWidth());
    }

    [Fact]
    public void BranchesOfADeepTree_LeaveHalfOfTheRoomToItsNames()
    {
        var listing = Listing.Untitled(Column.Text("what"));
        for (var depth = 0; depth < 30; depth++) listing.Add(
            new Cell($"node-{depth}-{new string('x', 100)}", Lead: new string(' ', 4 * depth) + "└── "));
        Assert.All(Lines(listing, 40), line => Assert.Matches(@"└── no.*…x+$", line));
        Assert.All(Lines(listing, 40), line => Assert.Equal(40, line.GetCellWidth()));
    }

    private static Column[] AnyColumns(Random random) =>
    [
        Column.Text("NAME", narrowest: 8),
        .. Enumerable.Range(1, random.Next(1, 9)).Select(i => random.Next(3) switch
        {
            0 => Column.Number($"N{i}", random.Next(1, 5)),
            1 => Column.Word($"W{i}", random.Next(1, 5)),
            _ => Column.Text($"T{i}", random.Next(0, 5), random.Next(4, 20)),
        }),
    ];

    private static Cell AnyCell(Column column, Random random) =>
        column.Narrowest is null ? new(random.Next(100_000).ToString("0", System.Globalization.CultureInfo.InvariantCulture), "dim")
        : new(random.Next(5) == 0 ? "x" : Hostile[random.Next(Hostile.Length)],
            Short: random.Next(4) == 0 ? Hostile[random.Next(Hostile.Length)] : null);

    private static string[] Lines(Listing listing, int width)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(
            new() { Out = new AnsiConsoleOutput(text), Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        console.Profile.Width = 1000;
        console.Write(listing.Lay(width).Lines);
        return text.ToString().Split('\n');
    }
}
