using System.Globalization;
using System.Text.Json;
using Serverless.Core.Code;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Versions;

/// <summary>In which parts of the run key two runs differ.</summary>
internal static class KeyDifferences
{
    /// <summary>Characters of a hash that are shown.</summary>
    private const int HashShown = 12;

    extension(KeyDifference)
    {
        /// <summary>Empty exactly when <see cref="RunKey.Of"/> is the same for both.</summary>
        /// <param name="code">Facts of both snapshots, as far as they are still there.</param>
        internal static IReadOnlyList<KeyDifference> Between(RunSpec before, RunSpec now, (CodeFacts? Before, CodeFacts? Now) code)
        {
            var all = new List<KeyDifference>();
            if (before.Code.Tree != now.Code.Tree) all.AddRange(Code());
            One("command", before.Command, now.Command);
            One("setup", before.Setup, now.Setup);
            Many("params", before.Params.ToDictionary(param => param.Key, param => Canonical(param.Value)), now.Params.ToDictionary(param => param.Key, param => Canonical(param.Value)));
            all.AddRange(Differing("inputs", Hashes(before), Hashes(now), Shown));
            all.AddRange(Datasets(before, now));
            Many("env", before.Env, now.Env);
            One("image", before.Image, now.Image);
            One("seed", Text(before.Seed), Text(now.Seed));
            One("machine", before.Machine, now.Machine);
            One("nodes", Text(before.Nodes), Text(now.Nodes));
            if (before.From?.Run != now.From?.Run || Content(before.From) != Content(now.From)) all.Add(new("from", null, Checkpoint(before.From), Checkpoint(now.From)));
            return all;

            void One(string part, string? from, string? to)
            {
                if (from != to) all.Add(new(part, null, from, to));
            }

            void Many(string part, IReadOnlyDictionary<string, string> from, IReadOnlyDictionary<string, string> to) => all.AddRange(Differing(part, from, to, whole => whole));

            IEnumerable<KeyDifference> Code() => code is ({ } one, { } two)
                ? Differing("code", Files(one), Files(two), Shown)
                : [new("code", null, Shown(before.Code.Tree), Shown(now.Code.Tree))];
        }
    }

    private static IEnumerable<KeyDifference> Differing(string part, IReadOnlyDictionary<string, string> from, IReadOnlyDictionary<string, string> to, Func<string, string> shown) =>
        from name in @from.Keys.Union(to.Keys).Order(StringComparer.Ordinal)
        let values = (From: @from.GetValueOrDefault(name), To: to.GetValueOrDefault(name))
        where values.From != values.To
        select new KeyDifference(part, name, values.From is null ? null : shown(values.From), values.To is null ? null : shown(values.To));

    private static IEnumerable<KeyDifference> Datasets(RunSpec before, RunSpec now)
    {
        var (from, to) = (before.Datasets.ToDictionary(dataset => dataset.Name), now.Datasets.ToDictionary(dataset => dataset.Name));
        return from name in @from.Keys.Union(to.Keys).Order(StringComparer.Ordinal)
               let pair = (From: @from.GetValueOrDefault(name), To: to.GetValueOrDefault(name))
               where pair.From?.Sha256 != pair.To?.Sha256
               select new KeyDifference("datasets", name, pair.From?.ToString(), pair.To?.ToString());
    }

    private static Dictionary<string, string> Files(CodeFacts facts) => facts.Files.ToDictionary(file => file.Path, file => file.Sha256);

    private static Dictionary<string, string> Hashes(RunSpec spec) => spec.Inputs.ToDictionary(input => input.Path, input => input.Sha256);

    private static string Canonical(JsonElement value) => (CanonicalJson.Of(value) ?? value).GetRawText();

    private static string? Content(FromRef? from) => from is null ? null : from.Content ?? from.Manifest;

    private static string? Checkpoint(FromRef? from) => from is null ? null : string.Create(CultureInfo.InvariantCulture, $"{from.Run} at step {from.Step} ({Shown(from.Content ?? "content not known")})");

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Shown(string hash) => hash.Length > HashShown ? hash[..HashShown] : hash;
}
