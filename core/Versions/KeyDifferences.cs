using Serverless.Core.Code;

namespace Serverless.Core.Versions;

/// <summary>In which parts of the run key two runs differ.</summary>
internal static class KeyDifferences
{
    extension(KeyDifference)
    {
        /// <summary>Empty exactly when <see cref="RunKey.Of"/> is the same for both.</summary>
        /// <param name="code">Facts of both snapshots, as far as they are still there.</param>
        internal static IReadOnlyList<KeyDifference> Between(RunSpec before, RunSpec now, (CodeFacts? Before, CodeFacts? Now) code)
        {
            var all = new List<KeyDifference>();
            foreach (var part in KeyPart.All)
            {
                List<KeyEntry> from = [.. part.Entries(before)], to = [.. part.Entries(now)];
                if (part.Name == KeyPart.Code && code is ({ } one, { } two) && before.Code.Tree != now.Code.Tree)
                {
                    (from, to) = (Files(one), Files(two));
                }

                all.AddRange(Differing(part.Name, from, to));
            }

            return all;
        }
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
