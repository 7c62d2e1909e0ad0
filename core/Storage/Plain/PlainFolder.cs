using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Serverless.Core.Storage.Plain;

/// <summary>A name in a folder.</summary>
/// <param name="Name">Where its bytes are not UTF-8, what they look like.</param>
/// <param name="Problem">Why it cannot be opened; null when it can.</param>
internal readonly record struct PlainEntry(string Name, FileStat Look, string? Problem)
{
    public bool IsFolder => Look.Kind == FileKind.Folder;
}

/// <summary>
/// A folder that others write to, held open: what happens to its name, or to a name above it, does not lead elsewhere. Links are never followed,
/// whichever part of a path they are, and what is mounted below it is not entered. Elsewhere than on
/// Linux, where code runs with one's own rights, links are only looked for.
/// </summary>
internal sealed class PlainFolder : IDisposable
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly SafeFileHandle? handle;
    private readonly string path;
    private readonly FileStat place;

    private PlainFolder(SafeFileHandle? handle, string path)
    {
        (this.handle, this.path) = (handle, path);
        if (handle is not null) place = FileCalls.Look(handle);
    }

    /// <summary>Null when it is missing.</summary>
    /// <param name="path">What is above its own name is trusted.</param>
    /// <exception cref="NotPlainException">It is no folder, or may not be read.</exception>
    public static PlainFolder? Open(string path) => Open(null, path, path);

    /// <summary>A folder below this one; null when it is missing.</summary>
    /// <param name="relative">With '/' between names; empty: this one again.</param>
    /// <exception cref="NotPlainException">It, or one on the way, is no folder, may not be read, or is mounted.</exception>
    public PlainFolder? Folder(string relative)
    {
        var at = Open(this, ".", path);
        foreach (var name in relative.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (at is null) return null;
            using var above = at;
            at = Open(above, name, Path.Combine(above.path, name));
            if (at is null || at.place.IsMountedLike(above.place)) continue;
            at.Dispose();
            throw new NotPlainException(FileStat.Mounted);
        }

        return at;
    }

    /// <summary>Makes a folder that is held stand for this one, unless it is this one. Linux only.</summary>
    public void TakePlaceOf(SafeFileHandle held)
    {
        var other = FileCalls.Look(held);
        if ((other.Device, other.State.Inode) != (place.Device, place.State.Inode)) FileCalls.Replace(held, handle!);
    }

    public FileStat Look(string name) =>
        handle is not null ? FileCalls.Look(handle, FileCalls.Bytes(name)) : FileCalls.LookAt(Path.Combine(path, name));

    /// <summary>Null when it is missing.</summary>
    /// <exception cref="NotPlainException">It is no plain file, may not be read, or is mounted.</exception>
    public PlainFile? File(string name)
    {
        var look = Look(name);
        if (look.Kind == FileKind.Missing) return null;
        if (look.Problem is { } problem) throw new NotPlainException(problem);
        var opened = FileCalls.Open(
            handle, FileCalls.Bytes(handle is null ? Path.Combine(path, name) : name), isFolder: false, follow: false, out var error);
        return opened is not null ? PlainFile.Of(opened, place) : FileCalls.IsMissing(error) ? null : throw FileCalls.Failure(error);
    }

    /// <summary>What is in it, in no order.</summary>
    public IEnumerable<PlainEntry> Entries()
    {
        if (handle is null)
        {
            foreach (var item in new DirectoryInfo(path).EnumerateFileSystemInfos()) yield return Entry(item.Name, FileCalls.LookAt(item.FullName));
            yield break;
        }

        var names = FileCalls.OpenNames(handle);
        try
        {
            while (FileCalls.NextName(names) is { } name)
            {
                var look = FileCalls.Look(handle, name);
                if (look.Kind == FileKind.Missing) continue;
                var known = Text(name.AsSpan()[..^1]);
                yield return known is null
                    ? new(Encoding.UTF8.GetString(name.AsSpan()[..^1]), look, "its name is not UTF-8; rename it")
                    : Entry(known, look);
            }
        }
        finally
        {
            FileCalls.CloseNames(names);
        }
    }

    public void Dispose() => handle?.Dispose();

    private static PlainFolder? Open(PlainFolder? above, string name, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            var look = FileCalls.LookAt(path);
            return look.Kind == FileKind.Missing
                ? null
                : look.Kind == FileKind.Folder ? new(null, path) : throw new NotPlainException(look.Problem ?? "it is not a folder");
        }

        if (FileCalls.Open(above?.handle, FileCalls.Bytes(name), isFolder: true, follow: false, out var error) is { } opened)
        {
            return new(opened, path);
        }

        // Which is why, and not what was found: no folder can be opened whose name stands for something else.
        var kind = FileCalls.Look(above?.handle, FileCalls.Bytes(name));
        if (kind.Kind == FileKind.Missing) return null;
        throw kind.Kind == FileKind.Folder ? FileCalls.Failure(error) : new NotPlainException(kind.Problem ?? "it is not a folder");
    }

    private static PlainEntry Entry(string name, FileStat look) => new(name, look, look.Kind == FileKind.Folder ? null : look.Problem);

    private static string? Text(ReadOnlySpan<byte> name)
    {
        try
        {
            return Strict.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
