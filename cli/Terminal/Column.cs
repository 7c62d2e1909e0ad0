namespace Serverless.Cli.Terminal;

/// <summary>A column of a <see cref="Listing"/>.</summary>
/// <param name="Title">Its header, and its name where it is hidden.</param>
/// <param name="Rank">Which columns a narrow terminal hides: the highest rank first, 0 never.</param>
/// <param name="Narrowest">Characters that its cells may be shortened to; null: they are whole, or the column is hidden.</param>
/// <param name="IsRight">Aligned right, as numbers are.</param>
readonly record struct Column(string Title, int Rank, int? Narrowest, bool IsRight)
{
    /// <summary>What people and code have named: of any length, shortened in the middle where there is no room.</summary>
    public static Column Text(string title, int rank = 0, int narrowest = 12) => new(title, rank, narrowest, IsRight: false);

    /// <summary>Short ids, states and other words of the platform, which say nothing when shortened.</summary>
    public static Column Word(string title, int rank = 0) => new(title, rank, null, IsRight: false);

    /// <summary>Numbers, sizes and times: a shortened one would be another number.</summary>
    public static Column Number(string title, int rank = 0) => new(title, rank, null, IsRight: true);
}

/// <param name="Style">Spectre's name of a style, or null.</param>
/// <param name="Short">What to show instead where the text does not fit.</param>
/// <param name="Lead">Before the text and never shortened with it: the branches of a tree.</param>
readonly record struct Cell(string Text, string? Style = null, string? Short = null, string Lead = "")
{
    public static implicit operator Cell(string? text) => new(text ?? "");

    /// <summary>As it may be drawn: without control characters.</summary>
    public Cell Clean() => this with { Text = TerminalFilter.OneLine(Text), Short = Short is null ? null : TerminalFilter.OneLine(Short) };
}
