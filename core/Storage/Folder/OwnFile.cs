using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Files of the platform's own, at names where somebody may have put something else: nothing there is followed, waited for or written through.
/// </summary>
internal static class OwnFile
{
    private const int MostBytes = 1 << 20;

    /// <summary>Replaces it whole: no reader sees half of it.</summary>
    /// <exception cref="IOException">A folder stands there, or there is no room.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var beside = path + ".new";
        Remove(beside);
        using (var file = Create(beside)) RandomAccess.Write(file, content, 0);
        if (FileCalls.LookAt(path).Kind == FileKind.Folder) throw Obstructed(path, "a folder");
        File.Move(beside, path, overwrite: true);
    }

    /// <summary>Makes it anew; a link that somebody puts there at this moment is not followed.</summary>
    public static SafeFileHandle Create(string path) =>
        File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);

    /// <summary>Removes what stands there, of a link the link.</summary>
    /// <exception cref="IOException">It is a folder.</exception>
    public static void Remove(string path)
    {
        if (FileCalls.LookAt(path).Kind == FileKind.Folder) throw Obstructed(path, "a folder");
        File.Delete(path);
    }

    /// <summary>Null when no plain file is there, or it is longer than such files are.</summary>
    public static byte[]? TryRead(string path)
    {
        if (FileCalls.LookAt(path).Kind != FileKind.File) return null;
        try
        {
            using var file = PlainFile.Open(path);
            return file.ReadAll(MostBytes);
        }
        catch (Exception e) when (e is FileNotFoundException or NotPlainException)
        {
            return null;
        }
    }

    /// <exception cref="IOException">Something else than a file stands there.</exception>
    public static void Check(string path)
    {
        if (FileCalls.LookAt(path) is { Kind: not (FileKind.Missing or FileKind.File) } look) throw Obstructed(path, look.Noun);
    }

    private static IOException Obstructed(string path, string noun) =>
        new($"{path} is {noun}, where a file of the platform's own belongs: move it away");
}
