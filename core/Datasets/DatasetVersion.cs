using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Core.Code;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>One state of a dataset, <c>datasets/{name}/v{n}.json</c>: which files it has, each stored once under its content. Never changed but to say that it was deleted.</summary>
/// <param name="Number">1, 2, 3…; a number stands for one content for ever.</param>
/// <param name="Sha256">What it is: the hash of its paths and contents, made as <see cref="CodeTree.Hash"/> makes it.</param>
/// <param name="Folder">The folder or file below <c>data/</c> that it was published from; null: it was sent from somebody's machine.</param>
/// <param name="Files">In the order of <see cref="CodeTree"/>.</param>
/// <param name="Deleted">When it was deleted; its contents go a few days later.</param>
public sealed record DatasetVersion(
    string Name, int Number, string Sha256, DateTimeOffset Created, string? By, string? Folder, IReadOnlyList<DatasetFile> Files, DateTimeOffset? Deleted = null) : IRecord
{
    string? IRecord.Problem(string key) => key == WorkspacePaths.DatasetVersion(Name, Number) ? null : $"it is of dataset {this}";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}:{Number}");
}

/// <param name="Path">Relative, with '/'.</param>
/// <param name="Run">The run that had published the file to the folder; null: somebody had put it there, or sent it.</param>
public sealed record DatasetFile(string Path, string Sha256, long LengthBytes, string? Run = null);

/// <summary>A version without its files: what lists show, kept in the metadata of the version's object.</summary>
public sealed record DatasetVersionInfo(
    string Name, int Number, string Sha256, DateTimeOffset Created, string? By, string? Folder, int Files, long LengthBytes, DateTimeOffset? Deleted = null)
{
    private const string MetadataName = "version";

    public static DatasetVersionInfo Of(DatasetVersion version) => new(
        version.Name, version.Number, version.Sha256, version.Created, version.By, version.Folder, version.Files.Count, version.Files.Sum(file => file.LengthBytes), version.Deleted);

    [JsonIgnore]
    public bool IsDeleted => Deleted is not null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}:{Number}");

    internal Dictionary<string, string> ToMetadata() => new() { [MetadataName] = JsonSerializer.Serialize(this, CoreJson.Options) };

    /// <summary>Null when the metadata is gone, as after restoring a workspace with a plain copy.</summary>
    internal static DatasetVersionInfo? From(IReadOnlyDictionary<string, string> metadata) => RecordFormat.Summary<DatasetVersionInfo>(metadata, MetadataName);
}
/// <summary>What differs between two versions.</summary>
/// <param name="Files">In the order of paths.</param>
/// <param name="Bytes">How much longer the second is.</param>
public sealed record DatasetDiff(string From, string To, IReadOnlyList<FileChange> Files, long Bytes)
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
