using Serverless.Cli.Terminal;

namespace Serverless.Tests.Cli;

public sealed class TerminalFilterTests
{
    [Theory]
    [InlineData("loss 0.3", "loss 0.3")]
    [InlineData("größe 😀", "größe 😀")]
    [InlineData("esc\u001b[31mred\nnext line\0", "escred next line")]
    [InlineData("\u001b[2J\u001b[Hgone", "gone")]
    [InlineData("\u001b]0;title\aname", "name")]
    [InlineData("\u001b]52;c;ZWNobw==\u001b\\name", "name")]
    [InlineData("\u001bP1$q\u001b\\name", "name")]
    [InlineData("\u009b31mred", "red")]
    [InlineData("\u009d0;title\u009cname", "name")]
    [InlineData("\u001b(0name", "name")]
    [InlineData("a\rb", "a b")]
    [InlineData("a\tb\r\nc", "a b c")]
    [InlineData("exe.\u202egnp", "exe.gnp")]
    [InlineData("\u001b", "")]
    [InlineData("\u001b[31", "")]
    public void OneLine_HasNothingThatATerminalActsOn(string text, string shown) => Assert.Equal(shown, TerminalFilter.OneLine(text));

    [Theory]
    [InlineData("\u001b[1;31mred\u001b[0m", "\u001b[1;31mred\u001b[0m")]
    [InlineData("\u001b[38;2;1;2;3mx\u001b[m", "\u001b[38;2;1;2;3mx\u001b[m")]
    [InlineData("\u001b[31;5Hx", "x")]
    [InlineData("\u001b[?25lx", "x")]
    [InlineData("\u001b[>4;1mx", "x")]
    [InlineData(" 50%|#\r100%|##\r\n", " 50%|#\n100%|##\n")]
    [InlineData("\u001b]0;never closed\nnext", "\nnext")]
    public void Log_KeepsItsColoursAndNoOtherSequence(string text, string shown)
    {
        Assert.Equal(shown, new TerminalFilter(colours: true).Add(text));

        // However it is cut.
        var filter = new TerminalFilter(colours: true);
        Assert.Equal(shown, string.Concat(text.Select(c => filter.Add([c]))));
    }

    /// <summary>Characters of one to four bytes, a colour, and bytes that are none: cut in two at every byte, and into single ones.</summary>
    [Fact]
    public void Bytes_OnTheirWayToATerminal_AreTheSameText_HoweverTheyAreCut()
    {
        byte[] log = [.. "x é€😀\u001b[31mrot ü\n"u8, 0xE2, 0x82, .. "|"u8, 0xFF, 0x80, .. "y"u8];
        var expected = "x é€😀\u001b[31mrot ü\n\uFFFD|\uFFFD\uFFFDy" + TerminalFilter.Uncoloured;
        for (var cut = 0; cut <= log.Length; cut++) Assert.Equal(expected, Shown(log[..cut], log[cut..]));
        Assert.Equal(expected, Shown([.. log.Select(b => new[] { b })]));

        static string Shown(params byte[][] pieces)
        {
            var terminal = new MemoryStream();
            using (var stream = new TerminalStream(terminal, colours: true))
            {
                foreach (var piece in pieces) stream.Write(piece);
            }

            return System.Text.Encoding.UTF8.GetString(terminal.ToArray());
        }
    }

    [Fact]
    public void Colour_ThatIsStillSet_IsKnown()
    {
        var filter = new TerminalFilter(colours: true);
        filter.Add("\u001b[31mred");
        Assert.True(filter.IsColoured);
        filter.Add("\u001b[0m");
        Assert.False(filter.IsColoured);
    }
}
