using Serverless.Core.Code;

namespace Serverless.Core.Datasets;

/// <summary>Compares versions of datasets.</summary>
public static class DatasetDiffs
{
    extension(DatasetDiff)
    {
        public static DatasetDiff Between(DatasetVersion from, DatasetVersion to)
        {
            var (before, after) = (from.Files.ToDictionary(file => file.Path), to.Files.ToDictionary(file => file.Path));
            return new($"{from}", $"{to}", [.. before.Keys.Union(after.Keys).Order(CodeTree.Order).Select(Change).OfType<FileChange>()],
                to.Files.Sum(file => file.LengthBytes) - from.Files.Sum(file => file.LengthBytes));

            FileChange? Change(string path) => (before.GetValueOrDefault(path), after.GetValueOrDefault(path)) switch
            {
                (null, _) => new(path, FileChangeKind.Added),
                (_, null) => new(path, FileChangeKind.Removed),
                var (a, b) => a.Sha256 == b.Sha256 ? null : new(path, FileChangeKind.Changed),
            };
        }
    }
}
