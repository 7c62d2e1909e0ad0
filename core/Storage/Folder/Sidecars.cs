using System.Globalization;
using System.Text;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Metadata of objects: small text files of lines <c>name=value</c> after a first line with the key and a second with a sample of the content. One
/// is put in place before the body whose version it names, and the replaced version's is removed after: whoever dies between leaves a file that no
/// version leads to. A body without a sidecar has no metadata.
/// </summary>
internal sealed class Sidecars(FolderLayout layout)
{
    private const char SampleMark = '#';

    public IReadOnlyDictionary<string, string> Read(string key, FileVersion version)
    {
        var lines = Lines(layout.SidecarOf(key, version.ETag));
        if (lines.Length == 0) return ObjectMetadata.None;

        // Of a damaged one, what is left of it: whatever metadata says, the body says too.
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines.Skip(1))
        {
            if (line.Split('=', 2) is [var name, { Length: > 0 } value]) metadata[name] = value;
        }

        return metadata;
    }

    public static void Write(TemporaryFile file, string key, UInt128 sample, IReadOnlyDictionary<string, string> metadata)
    {
        var text = new StringBuilder(key).Append('\n').Append(CultureInfo.InvariantCulture, $"{SampleMark}{sample:x32}\n");
        foreach (var (name, value) in metadata) text.Append(name).Append('=').Append(value).Append('\n');
        file.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>Puts a sidecar in place; the version's body comes next.</summary>
    /// <returns>The folder to sync.</returns>
    public string Place(TemporaryFile file, string key, FileVersion version)
    {
        var path = layout.SidecarOf(key, version.ETag);
        var folder = Path.GetDirectoryName(path)!;
        var error = file.MoveTo(path);
        if (error == Posix.ENOENT)
        {
            Posix.MakeFolder(folder);
            error = file.MoveTo(path);
        }

        return error == 0 ? folder : throw Posix.Error(error, path);
    }

    /// <summary>Removes a version's sidecar, when it has one.</summary>
    public void Remove(string key, FileVersion version)
    {
        var path = layout.SidecarOf(key, version.ETag);
        if (File.Exists(path)) File.Delete(path);
    }

    /// <summary>Sidecars whose object has another version, or is gone: what died between two steps left, or a person who edited a file.</summary>
    public IEnumerable<(string Key, string Path)> Suspects()
    {
        if (!Directory.Exists(layout.Metadata)) yield break;
        foreach (var path in Directory.EnumerateFiles(layout.Metadata, "*", SearchOption.AllDirectories))
        {
            var key = Lines(path) is [var first, ..] ? first : "";
            if (ObjectKey.Problem(key) is null && IsOrphan(key, path)) yield return (key, path);
        }
    }

    // None where there is no file, or something else than one: the version may have been replaced meanwhile, and the caller looks again.
    private static string[] Lines(string path) => OwnFile.TryRead(path) is { } bytes ? Encoding.UTF8.GetString(bytes).Split('\n') : [];

    /// <summary>
    /// Gives an object the time of its metadata back: a copy that keeps no times has the content and not the version, and would have lost what its
    /// metadata says. Under the key's lock.
    /// </summary>
    /// <returns>False: the object is another one, or has metadata.</returns>
    public bool TryRejoin(string key, string path)
    {
        if (layout.Find(key) is not { } version || File.Exists(layout.SidecarOf(key, version.ETag))
            || !FileVersion.TryParse(Path.GetExtension(path).TrimStart('.'), out var told) || told.LengthBytes != version.LengthBytes
            || Lines(path) is not [_, [SampleMark, .. var sample], ..]
            || ContentSample.Of(layout.PathOf(key))?.ToString("x32", CultureInfo.InvariantCulture) != sample)
        {
            return false;
        }

        File.SetLastWriteTimeUtc(layout.PathOf(key), told.Modified.UtcDateTime);
        return layout.Find(key) == told;
    }

    /// <summary>Conclusive only under the key's lock: before, the body may be on its way.</summary>
    public bool IsOrphan(string key, string path) => layout.Find(key) is not { } version || layout.SidecarOf(key, version.ETag) != path;
}
