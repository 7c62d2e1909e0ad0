using System.Text.Json;
using Serverless.Core.Code;
using Serverless.Core.Spec;

namespace Serverless.Core.Versions;

/// <summary>Compares versions.</summary>
internal static class VersionDiffs
{
    extension(VersionDiff)
    {
        internal static VersionDiff Between(ExperimentVersion from, ExperimentVersion to, IReadOnlyList<FileChange> files)
        {
            Dictionary<string, JsonElement> before = Flat(from.Definition), after = Flat(to.Definition);
            var changes = before.Keys.Union(after.Keys).Order(StringComparer.Ordinal)
                .Select(path => new VersionChange(path, Value(before, path), Value(after, path)))
                .Where(change => change.From is null || change.To is null || !JsonElement.DeepEquals(change.From.Value, change.To.Value));
            return new(from.Number, to.Number, from.Code.Commit, to.Code.Commit, [.. changes], files);

            static JsonElement? Value(Dictionary<string, JsonElement> flat, string path) => flat.TryGetValue(path, out var value) ? value : null;
        }

        internal static IReadOnlyList<FileChange> FilesBetween(CodeFacts? from, CodeFacts? to)
        {
            if (from is null || to is null) return [];
            Dictionary<string, CodeFileFact> before = from.Files.ToDictionary(file => file.Path), after = to.Files.ToDictionary(file => file.Path);
            return [.. before.Keys.Union(after.Keys).Order(CodeTree.Order).Select(Change).OfType<FileChange>()];

            FileChange? Change(string path) => (before.GetValueOrDefault(path), after.GetValueOrDefault(path)) switch
            {
                (null, _) => new(path, FileChangeKind.Added),
                (_, null) => new(path, FileChangeKind.Removed),
                var (a, b) => a.Sha256 == b.Sha256 ? null : new(path, FileChangeKind.Changed),
            };
        }
    }

    /// <summary>Objects become paths; lists stay values, because an order of seeds or of a list parameter is one thing.</summary>
    private static Dictionary<string, JsonElement> Flat(ExperimentDefinition definition)
    {
        var flat = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        Add("", JsonSerializer.SerializeToElement(definition, CoreJson.Options));
        return flat;

        void Add(string path, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Object) flat[path] = value;
            else foreach (var field in value.EnumerateObject()) Add(SpecPath.Field(path, field.Name), field.Value);
        }
    }
}
