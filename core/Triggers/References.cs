using System.Text;
using Serverless.Core.Spec;

namespace Serverless.Core.Triggers;

/// <summary>
/// <c>${run.params.lr}</c> in the strings of a template. A string that is one reference alone becomes the value as it is, a number for instance; in a
/// longer one the value is text among text. <c>$${</c> stands for <c>${</c>.
/// </summary>
internal static class References
{
    /// <param name="Text">A piece of text, or what stands between the braces.</param>
    public readonly record struct Piece(string Text, bool IsReference);

    /// <summary>References of one template: each may stand for a long text.</summary>
    public const int Most = 300;

    /// <summary>The fields that a shell reads.</summary>
    private static readonly string[] Commands = ["command", "setup"];

    /// <returns>Null: a reference is not closed.</returns>
    public static List<Piece>? Pieces(string text)
    {
        var pieces = new List<Piece>();
        var plain = new StringBuilder();
        for (var i = 0; i < text.Length;)
        {
            var at = text.IndexOf("${", i, StringComparison.Ordinal);
            if (at < 0) at = text.Length;
            if (at > i && at < text.Length && text[at - 1] == '$')
            {
                plain.Append(text, i, at - 1 - i).Append("${");
                i = at + 2;
                continue;
            }

            plain.Append(text, i, at - i);
            if (at == text.Length) break;
            var end = text.IndexOf('}', at);
            if (end < 0) return null;
            if (plain.Length > 0) pieces.Add(new(plain.ToString(), false));
            plain.Clear();
            pieces.Add(new(text[(at + 2)..end].Trim(), true));
            i = end + 1;
        }

        if (plain.Length > 0) pieces.Add(new(plain.ToString(), false));
        return pieces;
    }

    /// <summary>What a template refers to.</summary>
    public static IEnumerable<string> In(SpecNode template) => template.Kind switch
    {
        SpecKind.Map => template.Fields.SelectMany(field => In(field.Value)),
        SpecKind.List => template.Items.SelectMany(In),
        SpecKind.Text => (Pieces(template.Text) ?? []).Where(piece => piece.IsReference).Select(piece => piece.Text),
        _ => [],
    };

    /// <summary>
    /// The template with every reference filled in. Not in a command: names of files are whatever somebody called them, and quoting them for a shell
    /// would have to know how the command quotes already. There a value is a parameter, which the code gets in its environment.
    /// </summary>
    /// <param name="value">The value of a reference, or what is wrong with it.</param>
    public static SpecNode Fill(SpecNode template, Func<string, (SpecNode? Value, string? Problem)> value, ProblemList problems, string path = "") =>
        template.Kind switch
    {
        SpecKind.Map => new()
        {
            Kind = SpecKind.Map,
            Fields = [.. template.Fields.Select(
                field => KeyValuePair.Create(field.Key, Fill(field.Value, value, problems, SpecPath.Field(path, field.Key))))],
            Size = template.Size,
        },
        SpecKind.List => new()
        {
            Kind = SpecKind.List,
            Items = [.. template.Items.Select((item, i) => Fill(item, value, problems, SpecPath.Item(path, i)))],
            Size = template.Size,
        },
        SpecKind.Text when template.Text.Contains("${", StringComparison.Ordinal) => Filled(template, value, problems, path),
        _ => template,
    };

    private static SpecNode Filled(SpecNode template, Func<string, (SpecNode? Value, string? Problem)> value, ProblemList problems, string path)
    {
        if (Pieces(template.Text) is not { } pieces)
        {
            problems.Add(new(path, "a reference begins with ${ and is not closed with }; for ${ itself write $${"));
            return template;
        }

        if (Commands.Contains(path) && pieces.Find(piece => piece.IsReference) is { IsReference: true, Text: var inCommand })
        {
            problems.Add(
                new(path,
                    $"${{{inCommand}}} is not filled in here, because a shell would run what is in it; give it under params, as in x: " +
                    $"\"${{{inCommand}}}\", and write "
                + "\"$EXP_PARAM_X\" here, in quotes. The shell's own ${NAME} is written $${NAME}"));
            return template;
        }

        if (pieces is [{ IsReference: true, Text: var only }]) return Value(only) ?? template;
        return new() { Kind = SpecKind.Text, Text = string.Concat(pieces.Select(piece => piece.IsReference ? Text(piece.Text) : piece.Text)) };

        SpecNode? Value(string reference)
        {
            var (found, problem) = value(reference);
            if (problem is not null) problems.Add(new(path, problem));
            return found;
        }

        string Text(string reference)
        {
            var found = Value(reference);
            if (found is { Kind: SpecKind.List or SpecKind.Map })
            {
                problems.Add(new(path, $"${{{reference}}} is {found.Found}, which cannot be part of a text; write it alone"));
            }

            return found?.Text ?? "";
        }
    }
}
