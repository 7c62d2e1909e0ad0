using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using Parser = YamlDotNet.Core.Parser;

namespace Serverless.Core.Spec;

/// <summary>
/// YAML text → tree, by the core schema of YAML 1.2. Built on the parser's events rather than on a deserializer, because the size that aliases expand
/// to,
/// duplicate keys and how a scalar was quoted are known only there.
/// </summary>
internal sealed partial class YamlSpec
{
    private readonly Parser parser;
    private readonly ProblemList problems;
    private readonly Dictionary<AnchorName, SpecNode> anchors = [];
    private int nodes;

    private YamlSpec(string text, ProblemList problems)
    {
        parser = new(new StringReader(text));
        this.problems = problems;
    }

    public static SpecNode? Parse(string text, ProblemList problems)
    {
        var yaml = new YamlSpec(text, problems);
        try
        {
            return yaml.Document();
        }
        catch (YamlException e)
        {
            problems.Add(new("", $"not YAML: line {e.Start.Line}, column {e.Start.Column}: {e.Message}"));
        }
        catch (Exception e) when (
            e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NullReferenceException or OverflowException
                or FormatException)
        {
            // The parser answers some malformed text (an unclosed list before a key, for one) with exceptions of its own inside.
            var end = yaml.parser.Current?.End ?? Mark.Empty;
            problems.Add(new("", $"not YAML: cannot be read after line {end.Line}, column {end.Column}; is a bracket or quote not closed there?"));
        }

        return null;
    }

    private SpecNode? Document()
    {
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _)) return new() { Kind = SpecKind.Nothing };
        parser.Consume<DocumentStart>();
        var root = Node("", 1);
        parser.Consume<DocumentEnd>();
        if (!parser.Accept<StreamEnd>(out _)) throw At(parser.Current!, "a second document begins here; a spec is one document");
        return root;
    }

    private SpecNode Node(string path, int depth)
    {
        var here = parser.Consume<ParsingEvent>();
        if (depth > SpecLimits.Depth) throw At(here, $"nested deeper than {SpecLimits.Depth} levels");
        SpecNode node;
        switch (here)
        {
            case AnchorAlias alias:
                if (!anchors.TryGetValue(alias.Value, out node!)) throw At(here, $"*{alias.Value} stands for nothing that was finished before it");
                Count(node.Size, here);
                return node;
            case MappingStart map:
                CheckTag(map.Tag, here);
                Count(1, here);
                node = Map(path, depth);
                break;
            case SequenceStart list:
                CheckTag(list.Tag, here);
                Count(1, here);
                var items = new List<SpecNode>();
                while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Node(SpecPath.Item(path, items.Count), depth + 1));
                node = new() { Kind = SpecKind.List, Items = items, Size = 1 + items.Sum(item => item.Size) };
                break;
            case Scalar scalar:
                Count(1, here);
                node = Value(scalar);
                break;
            default:
                throw At(here, "expected a value, a list or a mapping");
        }

        if (here is NodeEvent { Anchor.IsEmpty: false } anchored) anchors[anchored.Anchor] = node;
        return node;
    }

    private SpecNode Map(string path, int depth)
    {
        var fields = new List<KeyValuePair<string, SpecNode>>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key)) throw At(parser.Current!, "a key must be plain text");
            var at = SpecPath.Field(path, key.Value);
            var value = Node(at, depth + 1);
            if (key is { Value: "<<", Style: ScalarStyle.Plain }) problems.Add(new(at, "merge keys are not supported; write the keys out"));
            else if (!names.Add(key.Value)) problems.Add(new(at, $"is there twice (line {key.Start.Line}); keep one"));
            else fields.Add(new(key.Value, value));
        }

        return new() { Kind = SpecKind.Map, Fields = fields, Size = 1 + fields.Sum(field => field.Value.Size) };
    }

    private static SpecNode Value(Scalar scalar)
    {
        var text = scalar.Value;
        CheckTag(scalar.Tag, scalar);
        var tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        if (scalar.Style != ScalarStyle.Plain || tag is "!" or StandardTags + "str") return new() { Kind = SpecKind.Text, Text = text };
        if (text is "" or "~" or "null" or "Null" or "NULL") return new() { Kind = SpecKind.Nothing };
        if (text is "true" or "True" or "TRUE") return new() { Kind = SpecKind.Boolean, Text = "true" };
        if (text is "false" or "False" or "FALSE") return new() { Kind = SpecKind.Boolean, Text = "false" };
        if (LeadingZeros.Without(text) is { } number) return Unclear(text, number);
        if (HexOrOctal().IsMatch(text))
        {
            try
            {
                return new()
                {
                    Kind = SpecKind.Number,
                    Text = Convert.ToUInt64(text[2..], text[1] == 'x' ? 16 : 8).ToString(CultureInfo.InvariantCulture),
                };
            }
            catch (OverflowException)
            {
                throw At(scalar, $"{text} does not fit into 64 bits");
            }
        }

        if (Number().IsMatch(text)) return new() { Kind = SpecKind.Number, Text = text };
        if (YesNo().IsMatch(text))
        {
            var meant = text[0] is 'y' or 'Y' || text.Equals("on", StringComparison.OrdinalIgnoreCase) ? "true" : "false";
            return Unclear(text, meant);
        }

        if (Underscored().IsMatch(text)) return Unclear(text, text.Replace("_", "", StringComparison.Ordinal));
        return new() { Kind = SpecKind.Text, Text = text };
    }

    private static SpecNode Unclear(string text, string meant) => new()
    {
        Kind = SpecKind.Text,
        Text = text,
        Ambiguous = $"{meant}, or '{text}' in quotes if it is text",
    };

    private const string StandardTags = "tag:yaml.org,2002:";

    private static void CheckTag(TagName tag, ParsingEvent at)
    {
        if (tag is { IsEmpty: false }
            && tag.Value is not ("!" or StandardTags + "str" or StandardTags + "int" or StandardTags + "float" or StandardTags + "bool"
            or StandardTags + "null" or StandardTags + "map" or StandardTags + "seq"))
        {
            throw At(at, $"the tag {tag.Value} means nothing here; remove it");
        }
    }

    private void Count(int more, ParsingEvent at)
    {
        if ((nodes += more) > SpecLimits.Nodes) throw At(at, $"more than {SpecLimits.Nodes} values, aliases expanded");
    }

    private static YamlException At(ParsingEvent here, string message) => new(here.Start, here.End, message);

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", RegexOptions.NonBacktracking)]
    private static partial Regex Number();

    [GeneratedRegex(@"^0(x[0-9a-fA-F]+|o[0-7]+)$", RegexOptions.NonBacktracking)]
    private static partial Regex HexOrOctal();

    [GeneratedRegex(@"^(yes|no|on|off)$", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase)]
    private static partial Regex YesNo();

    [GeneratedRegex(@"^[-+]?[0-9]+(_[0-9]+)+(\.[0-9]+)?$", RegexOptions.NonBacktracking)]
    private static partial Regex Underscored();
}
