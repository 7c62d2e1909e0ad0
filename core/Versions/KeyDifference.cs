using Serverless.Core.Code;
using Serverless.Core.Runs;

namespace Serverless.Core.Versions;

/// <summary>One part of the run key in which two runs differ.</summary>
/// <param name="Part">A field of the spec, or <c>datasets</c> (inputs that are versions of datasets).</param>
/// <param name="Name">Which one: a parameter, a variable, a file's path; null where there is only one.</param>
/// <param name="From">In the earlier run, files as the beginning of their hash; null: it was not there.</param>
/// <param name="To">In the later run; null: it is no longer there.</param>
public sealed record KeyDifference(string Part, string? Name, string? From, string? To)
{
    public override string ToString() => $"{Part}{(Name is null ? "" : $" {Name}")}: {From ?? "not there"} → {To ?? "not there"}";

    /// <summary>Empty exactly when <see cref="RunKey.Of"/> is the same for both.</summary>
    /// <param name="code">Facts of both snapshots, as far as they are still there.</param>
    internal static IReadOnlyList<KeyDifference> Between(RunSpec before, RunSpec now, (CodeFacts? Before, CodeFacts? Now) code)
    {
        var all = new List<KeyDifference>();
        foreach (var part in KeyPart.All)
        {
            List<KeyEntry> from = [.. part.Entries(before)], to = [.. part.Entries(now)];
            if (part.Name == KeyPart.Code && code is ({ } one, { } two) && before.Code.Tree != now.Code.Tree) (from, to) = (Files(one), Files(two));
            all.AddRange(Differing(part.Name, from, to));
        }

        return all;
    }

    private static IEnumerable<KeyDifference> Differing(string part, List<KeyEntry> from, List<KeyEntry> to) =>
        from name in @from.Concat(to).Select(entry => entry.Name).Distinct().Order(StringComparer.Ordinal)
        let was = @from.Where(entry => entry.Name == name).Select(entry => (KeyEntry?)entry).FirstOrDefault()
        let now = to.Where(entry => entry.Name == name).Select(entry => (KeyEntry?)entry).FirstOrDefault()
        where was?.Value != now?.Value
        select new KeyDifference(part, name, was?.Shown, now?.Shown);

    private static List<KeyEntry> Files(CodeFacts facts) =>
        [.. facts.Files.Select(file => new KeyEntry(file.Path, file.Sha256, KeyPart.Shown(file.Sha256)))];
}
