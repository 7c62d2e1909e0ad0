using System.Runtime.Versioning;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// A folder that nobody but its owner can look into, whatever the umask was when it and all that is in it were made: keys of the platform and secrets
/// of webhooks lie in it, and a file that others may open is one that they may lock.
/// </summary>
public static class PrivateFolder
{
    private const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes it, or makes it private.</summary>
    /// <returns>What people should know, when it was open to others until now.</returns>
    /// <exception cref="NotPrivateException">It belongs to somebody else, or its disk keeps no permissions.</exception>
    public static string? Ensure(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return null;
        }

        Directory.CreateDirectory(folder, Owners);
        if (BelongsToAnother(folder))
        {
            throw new NotPrivateException(
                $"{folder} belongs to another user, who could read every key in it; name a folder of your own, or give it to yourself with chown");
        }

        var before = File.GetUnixFileMode(folder);
        Restrict(folder, Owners);
        return (before & ~Owners) == 0
            ? null
            : $"{folder} was open to other users of this machine ({Octal(before)}) and is yours alone now; if they may have written to it, look " +
                "at: exp keys list";
    }

    /// <summary>The same for a file that there is.</summary>
    public static void EnsureFile(string file)
    {
        if (!OperatingSystem.IsWindows()) Restrict(file, OwnersFile);
    }

    /// <summary>False also where the system does not say.</summary>
    public static bool BelongsToAnother(string path) => Statx.OwnerOf(path) is { } owner && owner != Posix.Me;

    [UnsupportedOSPlatform("windows")]
    private static void Restrict(string path, UnixFileMode wanted)
    {
        if (File.GetUnixFileMode(path) == wanted) return;
        try
        {
            File.SetUnixFileMode(path, wanted);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new NotPrivateException($"{path} belongs to another user; name a folder of your own", e);
        }

        if ((File.GetUnixFileMode(path) & ~wanted) != 0)
        {
            throw new NotPrivateException($"{path} stays open to other users, because its disk keeps no permissions; name a folder on another disk");
        }
    }

    private static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');
}

/// <summary>A folder cannot be kept from others; the message says what to do.</summary>
public sealed class NotPrivateException(string message, Exception? inner = null) : IOException(message, inner);
