namespace Serverless.Core.Metrics.Printed;

/// <summary>Names with a number behind them, <c>loss=0.31</c> or <c>val/acc : 90%</c>, in the order in which they stand in a line.</summary>
internal ref struct PrintedPairs(ReadOnlySpan<char> text)
{
    private const int MaxSpaces = 3;

    private readonly ReadOnlySpan<char> text = text;
    private int at;
    private Range name, whole;
    private PrintedNumber value;

    public readonly Pair Current => new(text[name], whole, value);

    public readonly PrintedPairs GetEnumerator() => this;

    public bool MoveNext()
    {
        while (at < text.Length)
        {
            if (!IsOfName(text[at]))
            {
                at++;
                continue;
            }

            var from = at;
            while (at < text.Length && IsOfName(text[at])) at++;
            name = from..at;
            if (!(char.IsAsciiLetter(text[from]) || text[from] == '_') || (from > 0 && IsOfName(text[from - 1])) || !SkipSeparator()) continue;
            from = Owner(from);
            name = from..name.End;
            value = PrintedNumber.Read(text, ref at);
            whole = from..at;
            if (value.IsThere) return true;
        }

        return false;
    }

    // "training's l2", as LightGBM calls it.
    private readonly int Owner(int from)
    {
        if (from < 3 || !text[(from - 3)..from].SequenceEqual("'s ")) return from;
        var owner = from - 3;
        while (owner > 0 && IsOfName(text[owner - 1])) owner--;
        return owner;
    }

    private bool SkipSeparator()
    {
        var next = at < text.Length && char.IsWhiteSpace(text[at]) ? at + 1 : at;
        if (next == text.Length || text[next] is not ('=' or ':')) return false;
        at = next + 1;
        for (var spaces = 0; spaces < MaxSpaces && at < text.Length && char.IsWhiteSpace(text[at]); spaces++) at++;
        return true;
    }

    // U+FFFD: letters of an encoding that was not UTF-8.
    private static bool IsOfName(char c) => char.IsLetterOrDigit(c) || c is '_' or '.' or '/' or '@' or '-' or '\ufffd';

    /// <param name="whole">Where name and value stand together.</param>
    public readonly ref struct Pair(ReadOnlySpan<char> name, Range whole, PrintedNumber value)
    {
        public ReadOnlySpan<char> Name { get; } = name;
        public Range Whole => whole;
        public PrintedNumber Value => value;
    }
}
