using System.Globalization;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Tells a file or folder from another one of its name: a copy, or what was made after it was deleted. While it is open its inode is not given to another; the time of its
/// making tells it from one that got its inode later.
/// </summary>
internal readonly record struct FileIdentity(ulong Device, ulong Inode, long Made)
{
    /// <summary>Null when there is nothing, or nothing that may be seen.</summary>
    public static FileIdentity? Of(string path)
    {
        if (OperatingSystem.IsLinux()) return Posix.TryStat(path);
        return Path.Exists(path) ? new(0, 0, File.GetCreationTimeUtc(path).Ticks) : null;
    }

    /// <summary>Of the file that is open, whatever its path leads to by now.</summary>
    public static FileIdentity? Of(FileStream open) =>
        Of(OperatingSystem.IsLinux() ? string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{open.SafeFileHandle.DangerousGetHandle()}") : open.Name);

    /// <param name="statx">As <c>statx</c> fills it: the same layout on every architecture.</param>
    public static FileIdentity From(ReadOnlySpan<byte> statx) => new(
        ((ulong)Number(statx[136..]) << 32) | Number(statx[140..]),
        BitConverter.ToUInt64(statx[32..]),
        (BitConverter.ToInt64(statx[80..]) * TimeSpan.TicksPerSecond) + (Number(statx[88..]) / 100));

    public override string ToString() => $"{Device:x}-{Inode:x}-{Made:x}";

    private static uint Number(ReadOnlySpan<byte> bytes) => BitConverter.ToUInt32(bytes);
}
