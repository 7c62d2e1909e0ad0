using System.Globalization;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>One state of a dataset: which files it has, each stored once under its content. Never changed but to say that it was deleted.</summary>
/// <param name="Number">1, 2, 3…; a number stands for one content for ever.</param>
/// <param name="Sha256">What it is: the hash of its paths and contents.</param>
/// <param name="Folder">The folder or file below <c>data/</c> that it was published from; null: it was sent from somebody's machine.</param>
/// <param name="Files">In ordinal order of their paths' UTF-8.</param>
/// <param name="Deleted">When it was deleted; its contents go a few days later.</param>
public sealed record DatasetVersion(
    string Name, int Number, string Sha256, DateTimeOffset Created, string? By, string? Folder, IReadOnlyList<DatasetFile> Files,
    DateTimeOffset? Deleted = null)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}:{Number}");
}

/// <param name="Path">Relative, with '/'.</param>
/// <param name="Run">The run that had published the file to the folder; null: somebody had put it there, or sent it.</param>
public sealed record DatasetFile(string Path, string Sha256, long LengthBytes, string? Run = null);

/// <summary>A version without its files: what lists show.</summary>
public sealed record DatasetVersionInfo(
    string Name, int Number, string Sha256, DateTimeOffset Created, string? By, string? Folder, int Files, long LengthBytes,
    DateTimeOffset? Deleted = null)
{
    [JsonIgnore]
    public bool IsDeleted => Deleted is not null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}:{Number}");
}

/// <summary>What differs between two versions.</summary>
/// <param name="Files">In the order of paths.</param>
/// <param name="Bytes">How much longer the second is.</param>
public sealed record DatasetDiff(string From, string To, IReadOnlyList<FileChange> Files, long Bytes);
