namespace Serverless.Core.Spec;

internal enum SpecKind
{
    Map,
    List,
    Text,
    Number,
    Boolean,
    Nothing,
}

/// <summary>A spec's text as a tree, the same for JSON and YAML.</summary>
internal sealed class SpecNode
{
    public required SpecKind Kind { get; init; }

    /// <summary>A scalar as it was written; of <see cref="SpecKind.Text"/>, the text itself.</summary>
    public string Text { get; init; } = "";

    /// <summary>
    /// What to write instead, when readers of YAML 1.1 and 1.2 disagree about an unquoted scalar (<c>no</c>, <c>012</c>, <c>1_000</c>).
    /// </summary>
    public string? Ambiguous { get; init; }

    /// <summary>Filled in for a reference: a number or a truth value that is text where text is wanted.</summary>
    public bool IsFilledIn { get; init; }
    public IReadOnlyList<KeyValuePair<string, SpecNode>> Fields { get; init; } = [];
    public IReadOnlyList<SpecNode> Items { get; init; } = [];

    /// <summary>Nodes of the tree below and with this one, each alias counted as what it stands for.</summary>
    public int Size { get; init; } = 1;

    /// <summary>For messages: "the number 5".</summary>
    public string Found => Kind switch
    {
        SpecKind.Map => "a mapping",
        SpecKind.List => "a list",
        SpecKind.Text => $"the text '{Excerpt.Of(Text, 40)}'",
        SpecKind.Number => $"the number {Excerpt.Of(Text, 40)}",
        SpecKind.Boolean => Text,
        SpecKind.Nothing => "nothing",
    };
}

internal static class SpecLimits
{
    public const int TextBytes = 256 * 1024;
    public const int Depth = 16;

    /// <summary>After aliases are expanded, so that a few lines cannot stand for a billion nodes.</summary>
    public const int Nodes = 20_000;
}

/// <summary>
/// Where in a text something is. Every node has one, so that a long name with many fields below it must not become many long paths.
/// </summary>
internal static class SpecPath
{
    private const int MostOfName = 80;

    public static string Field(string path, string name) =>
        path.Length == 0 ? Excerpt.Of(name, MostOfName) : Bounded($"{path}.{Excerpt.Of(name, MostOfName)}");

    public static string Item(string path, int index) => Bounded($"{path}[{index}]");

    private static string Bounded(string path) => Excerpt.Of(path, Problem.MostOfPath);
}
