using System.Globalization;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// What tells the versions of a file apart: its modification time (in ticks of 100 ns) and its length. It changes with the body in one step, a file
/// that a person copied in has one, and a backup that keeps times keeps it.
/// </summary>
internal readonly record struct FileVersion(long Ticks, long LengthBytes)
{
    public string ETag => string.Create(CultureInfo.InvariantCulture, $"{Ticks:x}-{LengthBytes:x}");

    /// <summary>The version that has the ETag.</summary>
    public static bool TryParse(string etag, out FileVersion version)
    {
        version = default;
        if (etag.Split('-') is not [var ticks, var length]
            || !long.TryParse(ticks, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var modified)
            || !long.TryParse(length, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var lengthBytes)
            || modified < 0 || modified > DateTime.MaxValue.Ticks)
        {
            return false;
        }

        version = new(modified, lengthBytes);
        return true;
    }

    public DateTimeOffset Modified => new(Ticks, TimeSpan.Zero);

    /// <summary>The plain file at the path, or null: nothing, a folder, a link, a pipe, a socket and a device are no objects.</summary>
    public static FileVersion? Of(string path) => Of(path, out _);

    /// <param name="change">See <see cref="StoredObject.Change"/>.</param>
    public static FileVersion? Of(string path, out string? change)
    {
        var look = FileCalls.LookAt(path);
        change = null;
        if (look.Kind != FileKind.File) return null;
        change = ChangeOf(look.State);
        return new(look.State.Modified.Ticks, look.State.LengthBytes);
    }

    /// <inheritdoc cref="StoredObject.Change"/>
    public static string? ChangeOf(FileState state) =>
        state.Inode == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{state.Inode:x}-{state.Changed.Ticks:x}");
}
