using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>Where things are: an object at its key's path, book-keeping under <c>.store/</c>, which is no key.</summary>
internal sealed class FolderLayout
{
    private readonly IReadOnlyCollection<string> folders;

    /// <param name="folder">The root.</param>
    /// <param name="folders">Keys of folders, with '/' at their end, that are the store's own: no key is in conflict with them.</param>
    public FolderLayout(string folder, IReadOnlyCollection<string>? folders = null)
    {
        this.folders = folders ?? [];
        Root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        Own = Path.Combine(Root, ObjectKey.Reserved);
        Temporary = Path.Combine(Own, "tmp");
        Locks = Path.Combine(Own, "locks");
        Stripes = Path.Combine(Own, "stripes");
        Metadata = Path.Combine(Own, "meta");
    }

    public string Root { get; }

    public string Own { get; }

    public string Temporary { get; }

    public string Locks { get; }

    public string Stripes { get; }

    public string Metadata { get; }

    /// <summary>When the leftovers of processes that died between two steps were looked for.</summary>
    public string Swept => Path.Combine(Own, "swept");

    public string PathOf(string key) => $"{Root}/{key}";

    /// <summary>Sidecars are found by key and version, so that a body never meets another version's metadata.</summary>
    public string SidecarOf(string key, string etag)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 16));
        return $"{Metadata}/{hash.AsSpan(0, 2)}/{hash.AsSpan(2)}.{etag}";
    }

    /// <summary>The object's file, or null when nothing is there or the way leads through a link: a key never leaves the root.</summary>
    public FileVersion? Find(string key) => HasFoldersOf(key) ? FileVersion.Of(PathOf(key)) : null;

    /// <summary>Whether everything above the key's last '/' is a folder.</summary>
    public bool HasFoldersOf(string key)
    {
        var path = PathOf(key);
        for (var end = key.IndexOf('/'); end >= 0; end = key.IndexOf('/', end + 1))
        {
            if (KindOf(path[..(Root.Length + 1 + end)]) != Kind.Folder) return false;
        }

        return true;
    }

    /// <summary>Why no object can be at the key, or below it when it ends in '/'; null: one is, or could be.</summary>
    public string? Obstacle(string key)
    {
        var path = PathOf(key);
        for (var end = key.IndexOf('/'); end >= 0; end = key.IndexOf('/', end + 1))
        {
            var look = FileCalls.LookAt(path[..(Root.Length + 1 + end)]);
            if (look.Kind == FileKind.Missing) return null;
            if (look.Kind == FileKind.Folder) continue;
            return $"{(end == key.Length - 1 ? "it" : $"'{key[..end]}'")} is {look.Noun}, not a folder";
        }

        return key.EndsWith('/') || FileCalls.LookAt(path) is not { Kind: not (FileKind.Missing or FileKind.File) } there
            ? null
            : $"it is {there.Noun}, not a file";
    }

    /// <summary>Makes the folders above the key.</summary>
    /// <returns>The folders whose names changed or will: to be synced.</returns>
    public List<string> MakeFoldersOf(string key)
    {
        var path = PathOf(key);
        List<string> changed = [];
        var above = Root;
        for (var end = key.IndexOf('/'); end >= 0; end = key.IndexOf('/', end + 1))
        {
            var folder = path[..(Root.Length + 1 + end)];
            var kind = KindOf(folder);
            if (kind == Kind.Missing)
            {
                Posix.MakeFolder(folder);
                changed.Add(above);
            }
            else if (kind != Kind.Folder)
            {
                var noun = kind == Kind.File ? "file" : "symbolic link";
                throw folders.Contains(key[..(end + 1)])
                    ? new StoreUnavailableException($"{folder} is a {noun}, where a folder of the workspace belongs: move it away")
                    : new KeyConflictException(key[..end], $"'{key}': '{key[..end]}' is a {noun}, not a folder");
            }

            above = folder;
        }

        changed.Add(above);
        return changed;
    }

    /// <summary>An object store has no empty folders. The topmost ones stay: they fill again.</summary>
    public void RemoveEmptyFoldersOf(string key)
    {
        var path = PathOf(key);
        var top = key.IndexOf('/');
        for (var end = key.LastIndexOf('/'); end > top; end = key.LastIndexOf('/', end - 1))
        {
            if (!Posix.RemoveEmpty(path[..(Root.Length + 1 + end)])) return;
        }
    }

    /// <summary>Makes the folder's names durable; when it was removed meanwhile, those of the nearest one above.</summary>
    public void Sync(string folder)
    {
        while (!Posix.SyncFolder(folder) && folder.Length > Root.Length) folder = Path.GetDirectoryName(folder)!;
    }

    public static Kind KindOf(string path)
    {
        var attributes = new FileInfo(path).Attributes;
        return (int)attributes == -1 ? Kind.Missing
            : (attributes & FileAttributes.ReparsePoint) != 0 ? Kind.Link
            : (attributes & FileAttributes.Directory) != 0 ? Kind.Folder
            : Kind.File;
    }

    internal enum Kind
    {
        Missing,
        File,
        Folder,
        Link,
    }
}
