using System.Globalization;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// What tells the versions of a file apart: its modification time (in ticks of 100 ns) and its length. It changes with the body in one step, a file that a person
/// copied in has one, and a backup that keeps times keeps it.
/// </summary>
internal readonly record struct FileVersion(long Ticks, long LengthBytes)
{
    public string ETag => string.Create(CultureInfo.InvariantCulture, $"{Ticks:x}-{LengthBytes:x}");

    public DateTimeOffset Modified => new(Ticks, TimeSpan.Zero);

    /// <summary>The regular file at the path, or null: nothing, a folder and a link are no objects.</summary>
    public static FileVersion? Of(string path)
    {
        // Attributes, length and time of one FileInfo come from one lstat.
        var info = new FileInfo(path);
        var attributes = info.Attributes;
        return (int)attributes == -1 || (attributes & (FileAttributes.Directory | FileAttributes.ReparsePoint)) != 0
            ? null
            : new(info.LastWriteTimeUtc.Ticks, info.Length);
    }
}
