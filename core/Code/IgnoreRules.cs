using Serverless.Core.Spec;

namespace Serverless.Core.Code;

/// <summary>
/// What stays out of a package: the platform's own list, then the lines of <c>.expignore</c>; the last pattern that matches decides, '!' in front
/// takes back in.
/// </summary>
internal sealed class IgnoreRules
{
    public const string FileName = ".expignore";

    /// <summary>Build output, other people's packages, and whatever is hidden.</summary>
    private static readonly string[] Always = [".*", "bin/", "obj/", "runs/", "node_modules/", "__pycache__/"];

    private static readonly List<PathPattern> BuiltIn = [.. Always.Select(line => new PathPattern(line))];

    private readonly List<(PathPattern Pattern, bool TakeIn)> rules = [];

    /// <exception cref="SnapshotRefusedException">A line of the file is not a pattern.</exception>
    public IgnoreRules(IEnumerable<string> lines)
    {
        foreach (var line in lines.Select(line => line.TrimEnd()))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var takeIn = line[0] == '!';
            try
            {
                rules.Add((new(takeIn || line[0] == '\\' ? line[1..] : line), takeIn));
            }
            catch (FormatException e)
            {
                throw new SnapshotRefusedException($"{FileName}: {e.Message}");
            }
        }
    }

    /// <summary>Whether the platform's own list has it.</summary>
    public static bool IsBuiltIn(string path, bool isFolder) => BuiltIn.Exists(pattern => pattern.Matches(path, isFolder));

    /// <summary>Whether the file says that it stays out, or comes in; null: it does not say.</summary>
    public bool? TakesIn(string path, bool isFolder) =>
        rules.FindLast(rule => rule.Pattern.Matches(path, isFolder)) is { Pattern: not null, TakeIn: var takeIn } ? takeIn : null;
}
