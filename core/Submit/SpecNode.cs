namespace Serverless.Core.Submit;

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
        SpecKind.Text => $"the text '{(Text.Length > 40 ? Text[..40] + "…" : Text)}'",
        SpecKind.Number => $"the number {Text}",
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

internal static class SpecPath
{
    public static string Field(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    public static string Item(string path, int index) => $"{path}[{index}]";
}
