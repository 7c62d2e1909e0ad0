using System.Text.Json;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>Versions of datasets as they are stored, <c>datasets/{name}/v{n}.json</c>; what lists show of one is in its object's metadata.</summary>
public static class DatasetVersions
{
    private const string MetadataName = "version";

    extension(DatasetVersionInfo info)
    {
        public static DatasetVersionInfo Of(DatasetVersion version) => new(
            version.Name, version.Number, version.Sha256, version.Created, version.By, version.Folder, version.Files.Count,
            version.Files.Sum(file => file.LengthBytes), version.Deleted);

        /// <summary>Null when the metadata is gone, as after restoring a workspace with a plain copy.</summary>
        internal static DatasetVersionInfo? From(IReadOnlyDictionary<string, string> metadata) =>
            RecordFormat.Summary<DatasetVersionInfo>(metadata, MetadataName);

        internal Dictionary<string, string> ToMetadata() => new() { [MetadataName] = JsonSerializer.Serialize(info, CoreJson.Options) };
    }
}

sealed class DatasetVersionRule : IRecordRule<DatasetVersion>
{
    public string? Problem(DatasetVersion version, string key) =>
        key == WorkspacePaths.DatasetVersion(version.Name, version.Number) ? null : $"it is of dataset {version}";
}
