using System.Text.Json.Serialization;

namespace Serverless.Client;

public sealed record FileChange(string Path, FileChangeKind Change);

[JsonConverter(typeof(EnumNamesConverter<FileChangeKind>))]
public enum FileChangeKind
{
    Added,
    Removed,
    Changed,
}
