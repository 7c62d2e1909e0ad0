namespace Serverless.Core.Code;

public sealed record FileChange(string Path, FileChangeKind Change);

public enum FileChangeKind
{
    Added,
    Removed,
    Changed,
}
