using System.Text;

namespace Serverless.Core.Spec;

/// <summary>
/// What a command means. Its first word decides: a <c>*.cs</c> file is compiled against the SDK, a <c>*.csproj</c> is built with the .NET SDK, each
/// with the rest of
/// the words as arguments; anything else is a command line for the shell, taken as it is. <c>.</c> or a folder with '/' at its end stands for the one
/// entry in it, and
/// <see cref="Resolve"/> puts that in its place at submission: a run never has one.
/// </summary>
public abstract record EntryPoint
{
    private EntryPoint() { }

    /// <param name="File">Path in the snapshot.</param>
    public sealed record CSharp(string File, IReadOnlyList<string> Arguments) : EntryPoint;

    /// <param name="File">Path of the project file in the snapshot.</param>
    public sealed record Project(string File, IReadOnlyList<string> Arguments) : EntryPoint;

    public sealed record Shell(string CommandLine) : EntryPoint;

    /// <param name="Path">Path in the snapshot with '/' at its end; empty for the whole.</param>
    public sealed record Folder(string Path, IReadOnlyList<string> Arguments) : EntryPoint;

    public static EntryPoint Parse(string command)
    {
        var words = Words(command, out _);
        if (words.Count == 0) return new Shell(command);
        var first = words[0].StartsWith("./", StringComparison.Ordinal) ? words[0][2..] : words[0];
        var arguments = words.Skip(1).ToList();
        if (first is "." or "" && words[0].Length > 0) return new Folder("", arguments);
        if (first.EndsWith(".cs", StringComparison.OrdinalIgnoreCase)) return new CSharp(first, arguments);
        if (first.EndsWith(".csproj", StringComparison.OrdinalIgnoreCase)) return new Project(first, arguments);
        return first.EndsWith('/') && !first.StartsWith('/') ? new Folder(first, arguments) : new Shell(command);
    }

    /// <summary>What is wrong with the command by itself, or null.</summary>
    public static string? Problem(string command)
    {
        var words = Words(command, out var unclosed);
        if (Parse(command) is Shell) return null;
        if (unclosed) return "a quote is not closed";
        return words[0].Contains('\\', StringComparison.Ordinal) ? $"'{words[0]}' has a backslash; separate folders with '/'" : null;
    }

    /// <summary>
    /// The command that a run of a snapshot executes: a folder replaced by its entry, which is its only project file, or else its <c>Program.cs</c>,
    /// <c>main.cs</c> or only C# file.
    /// The problem when that, or a file that the command names, is not in the snapshot.
    /// </summary>
    public static (string? Command, string? Problem) Resolve(string command, IReadOnlyCollection<string> files)
    {
        switch (Parse(command))
        {
            case CSharp { File: var file }:
                return Existing(file);
            case Project { File: var file }:
                return Existing(file);
            case Folder folder:
                var here = files.Where(file => file.StartsWith(folder.Path, StringComparison.Ordinal) && file.IndexOf('/', folder.Path.Length) < 0)
                    .ToList();
                if (here.Count == 0) return (null, $"the code has no files in {Place(folder)}");
                var entry = Only(here, ".csproj")
                    ?? here.Find(file => file[folder.Path.Length..] is "Program.cs") ?? here.Find(file => file[folder.Path.Length..] is "main.cs")
                    ?? Only(here, ".cs");
                return entry is null
                    ? (null, $"{Place(folder)} does not say what to run; name the file, or have one project file, Program.cs, main.cs or a single " +
                        "C# file in it")
                    : (string.Join(' ', folder.Arguments.Prepend(entry).Select(Quoted)), null);
            default:
                return (command, null);
        }

        (string?, string?) Existing(string file) => files.Contains(file)
            ? (command, null)
            : (null, $"the code has no file '{file}'"
                + Suggestion.Clause(file, files.Where(candidate => Path.GetExtension(candidate) == Path.GetExtension(file)).Take(5000)));

        static string? Only(List<string> here, string extension) =>
            here.Where(file => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase)).Take(2).ToList() is [var only] ? only : null;

        static string Place(Folder folder) => folder.Path.Length == 0 ? "its top folder" : folder.Path;
    }

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./=:,+@%".Contains(c, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>
    /// Words as a shell would make them of spaces, quotes and backslashes, without its expansions. A backslash before anything but a space, a quote
    /// or a backslash is itself.
    /// </summary>
    private static List<string> Words(string command, out bool unclosed)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var inWord = false;
        char? quote = null;
        for (var i = 0; i < command.Length; i++)
        {
            var c = command[i];
            var next = i + 1 < command.Length ? command[i + 1] : '\0';
            if (c == '\\' && quote != '\'' && (next is '"' or '\\' || (quote is null && next is '\'' or ' ')))
            {
                word.Append(next);
                inWord = true;
                i++;
            }
            else if (c == quote)
            {
                quote = null;
            }
            else if (quote is null && c is '"' or '\'')
            {
                quote = c;
                inWord = true;
            }
            else if (quote is null && char.IsWhiteSpace(c))
            {
                if (inWord) words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        if (inWord) words.Add(word.ToString());
        unclosed = quote is not null;
        return words;
    }
}
