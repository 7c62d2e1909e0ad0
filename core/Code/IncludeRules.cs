using Serverless.Core.Spec;

namespace Serverless.Core.Code;

/// <summary>
/// What <c>code.include</c> asks for. A pattern that itself names something of the platform's own list, such as <c>bin/helper.sh</c> or <c>.env</c>,
/// means it; <c>**/*.cs</c> does not mean the files below <c>obj/</c>.
/// </summary>
internal sealed class IncludeRules
{
    private readonly List<Rule> rules;

    /// <exception cref="SnapshotRefusedException">One is not a pattern.</exception>
    public IncludeRules(IReadOnlyList<string> patterns) => rules = [.. patterns.Distinct(StringComparer.Ordinal).Select(Read)];

    /// <summary>Whether the file is asked for; when several patterns do, all have found something.</summary>
    /// <param name="builtIn">It is on the platform's own list, or in a folder that is.</param>
    public bool Takes(string file, bool builtIn)
    {
        var takes = false;
        foreach (var rule in rules)
        {
            if ((builtIn && !rule.NamesBuiltIn) || !rule.Pattern.Covers(file)) continue;
            rule.Found = true;
            takes = true;
        }

        return takes;
    }

    /// <summary>Whether anything in a folder of the platform's own list may be asked for.</summary>
    public bool Enters(string folder)
    {
        var names = folder.Split('/');
        return rules.Exists(
            rule => rule.NamesBuiltIn
                && (rule.Pattern.Covers(folder) || names.Any(name => rule.Segments.Exists(segment => segment.Matches(name, isFolder: true)))));
    }

    public bool MatchesFolder(string folder) => rules.Exists(rule => rule.Pattern.Matches(folder, isFolder: true));

    /// <summary>Tells of something that the ignore file keeps out.</summary>
    public void KeptOut(string path)
    {
        foreach (var rule in rules.Where(
            rule => rule.Pattern.Covers(path) || rule.Text.TrimStart('/').StartsWith(path + "/", StringComparison.Ordinal)))
        {
            rule.KeptOut = true;
        }
    }

    /// <exception cref="SnapshotRefusedException">A pattern found nothing.</exception>
    public void ThrowIfOneFoundNothing()
    {
        var idle = rules.FindAll(rule => !rule.Found);
        if (idle.Count == 0) return;
        var why = idle.FindAll(rule => rule.KeptOut) is { Count: > 0 } kept
            ? $"; {IgnoreRules.FileName} excludes what {Names(kept)} would match"
            : "";
        throw new SnapshotRefusedException($"code.include: no file matches {Names(idle)}; correct or remove it{why}");

        static string Names(List<Rule> some) => string.Join(", ", some.Select(rule => $"'{rule.Text}'"));
    }

    private static Rule Read(string text)
    {
        try
        {
            var segments = text.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(segment => segment is not ("." or "*" or "**")).ToList();
            return new(text, new(text), [.. segments.Select(segment => new PathPattern(segment))],
                segments.Exists(segment => IgnoreRules.IsBuiltIn(segment, isFolder: true)));
        }
        catch (FormatException e)
        {
            throw new SnapshotRefusedException($"code.include: {e.Message}");
        }
    }

    private sealed record Rule(string Text, PathPattern Pattern, List<PathPattern> Segments, bool NamesBuiltIn)
    {
        public bool Found { get; set; }

        public bool KeptOut { get; set; }
    }
}
