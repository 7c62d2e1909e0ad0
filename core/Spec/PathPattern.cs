using System.Text;
using System.Text.RegularExpressions;

namespace Serverless.Core.Spec;

/// <summary>
/// A pattern of paths, as in .gitignore: <c>*</c> and <c>?</c> within a folder, <c>**</c> across folders, <c>[a-z]</c>; with a '/' inside or in front
/// it counts from the top,
/// without one it matches at any depth; a '/' at its end matches folders only. A folder that matches stands for everything in it.
/// </summary>
internal sealed class PathPattern
{
    /// <summary>Characters; no path is longer.</summary>
    private const int Longest = 1000;

    /// <summary>A matcher without backtracking has states for all the ways in which wildcards can share a path out.</summary>
    private const int MostWildcards = 32;

    private readonly Regex regex;
    private readonly bool foldersOnly;

    /// <exception cref="FormatException">It is no pattern, or one that would take too much memory; says which.</exception>
    public PathPattern(string pattern)
    {
        if (pattern.Length > Longest) throw new FormatException($"'{Excerpt.Of(pattern)}' is longer than {Longest} characters");
        if (Wildcards(pattern) > MostWildcards)
        {
            throw new FormatException($"'{Excerpt.Of(pattern)}' has more than {MostWildcards} wildcards");
        }

        foldersOnly = pattern.EndsWith('/');
        var body = pattern.Trim('/');
        var fromTop = pattern.StartsWith('/') || body.Contains('/', StringComparison.Ordinal);
        if (body.StartsWith("./", StringComparison.Ordinal)) body = body[2..];
        try
        {
            regex = new($"^{(fromTop ? "" : "(.*/)?")}{Translate(body)}$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (NotSupportedException e)
        {
            throw new FormatException($"'{Excerpt.Of(pattern)}' is too long", e);
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"'{Excerpt.Of(pattern)}' is not a pattern: * and ? within a folder, ** across folders, [a-z]", e);
        }
    }

    public bool Matches(string path, bool isFolder) => (isFolder || !foldersOnly) && regex.IsMatch(path);

    /// <summary>Whether the file, or a folder that it is in, matches.</summary>
    public bool Covers(string file)
    {
        if (Matches(file, isFolder: false)) return true;
        for (var slash = file.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = file.IndexOf('/', slash + 1))
        {
            if (Matches(file[..slash], isFolder: true)) return true;
        }

        return false;
    }

    private static int Wildcards(string pattern) => pattern.Where((c, i) => c == '*' && (i == 0 || pattern[i - 1] != '*')).Count();

    private static string Translate(string pattern)
    {
        var regex = new StringBuilder();
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern.AsSpan(i).StartsWith("**/"))
            {
                regex.Append("(.*/)?");
                i += 2;
            }
            else if (pattern.AsSpan(i).StartsWith("**"))
            {
                regex.Append(".*");
                i++;
            }
            else if (pattern[i] == '[' && pattern.IndexOf(']', i + 2 > pattern.Length ? i : i + 2) is > 0 and var end)
            {
                var set = pattern[(i + 1)..end].Replace("\\", "\\\\", StringComparison.Ordinal).Replace("[", "\\[", StringComparison.Ordinal);
                regex.Append('[').Append(set[0] is '!' or '^' ? "^" + set[1..] : set).Append(']');
                i = end;
            }
            else
            {
                regex.Append(pattern[i] switch { '*' => "[^/]*", '?' => "[^/]", var c => Regex.Escape(c.ToString()) });
            }
        }

        return regex.ToString();
    }
}
