using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Tells a file or folder from another one of its name: a copy, or what was made after it was deleted. While it is open its inode is not given to
/// another; the time of its making tells it from one that got its inode later.
/// </summary>
/// <param name="Made">In ticks of 100 ns; from 1970 on Linux.</param>
internal readonly record struct FileIdentity(ulong Device, ulong Inode, long Made)
{
    /// <summary>Null when there is nothing, or nothing that may be seen.</summary>
    public static FileIdentity? Of(string path)
    {
        if (OperatingSystem.IsLinux()) return Statx.IdentityOf(path);
        return Path.Exists(path) ? new(0, 0, File.GetCreationTimeUtc(path).Ticks) : null;
    }

    /// <summary>Of the file that is open, whatever its path leads to by now.</summary>
    public static FileIdentity? Of(FileStream open) => Of(open.SafeFileHandle, open.Name);

    /// <inheritdoc cref="Of(FileStream)"/>
    /// <param name="path">What it was opened as.</param>
    public static FileIdentity? Of(SafeFileHandle open, string path) =>
        Of(OperatingSystem.IsLinux() ? string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{open.DangerousGetHandle()}") : path);

    public override string ToString() => $"{Device:x}-{Inode:x}-{Made:x}";
}
