using System.Text;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Folder;

namespace Serverless.Cli.Platform;

/// <summary>
/// Shows that the platform of this very folder is alive and where it answers. The address is a file that outlives a kill and goes along with a copy,
/// so it counts only while its platform holds the lock of the file beside it, which names the folder that it was made for.
/// </summary>
sealed class RunningPlatform : IDisposable
{
    private readonly string folder;
    private readonly FileIdentity? identity;
    private readonly SafeFileHandle file;
    private readonly IDisposable held;

    private RunningPlatform(string folder, FileIdentity? identity, SafeFileHandle file, IDisposable held) =>
        (this.folder, this.identity, this.file, this.held) = (folder, identity, file, held);

    /// <summary>Whoever calls this is the folder's only platform.</summary>
    /// <exception cref="IOException">There is no room for it, or the like.</exception>
    public static RunningPlatform Show(string folder, Uri address)
    {
        // It does not count before the lock is held.
        OwnFile.Replace(AddressFile(folder), Encoding.UTF8.GetBytes(address + "\n"));
        var identity = FileIdentity.Of(folder);
        while (true)
        {
            // A file of its own each time: on the one of a platform that was killed, a client may just be testing the lock.
            OwnFile.Remove(AliveFile(folder));
            using (var made = OwnFile.Create(AliveFile(folder))) RandomAccess.Write(made, Encoding.UTF8.GetBytes(identity?.ToString() ?? ""), 0);
            var file = Posix.OpenLock(AliveFile(folder));
            if (Posix.TryLock(file, AliveFile(folder)) is { } held) return new(folder, identity, file, held);
            file.Dispose();
        }
    }

    /// <summary>Null: no platform is alive on the folder. What a copy says is of the folder that it was copied from.</summary>
    /// <exception cref="IOException">This system cannot tell.</exception>
    public static Uri? Find(string folder)
    {
        try
        {
            if (!File.Exists(AliveFile(folder))) return null;
            using var file = Posix.OpenLock(AliveFile(folder));
            if (!Posix.IsLocked(file, AliveFile(folder)) || !IsOf(folder, file)) return null;
            return Uri.TryCreate(File.ReadAllText(AddressFile(folder)).Trim(), UriKind.Absolute, out var address) ? address : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Takes away what shows it, unless the folder, or what is there, is another one's by now.</summary>
    public void Dispose()
    {
        try
        {
            if (FileIdentity.Of(folder) != identity || FileIdentity.Of(AliveFile(folder)) != FileIdentity.Of(file, AliveFile(folder))) return;
            File.Delete(AddressFile(folder));
            File.Delete(AliveFile(folder));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without the lock it counts for nothing.
        }
        finally
        {
            held.Dispose();
            file.Dispose();
        }
    }

    private static string AddressFile(string folder) => Path.Combine(folder, "address");

    private static string AliveFile(string folder) => Path.Combine(folder, "exp.alive");

    // Files that are linked, not copied, share the lock.
    private static bool IsOf(string folder, SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux()) return true;
        Span<byte> said = stackalloc byte[128];
        return Encoding.UTF8.GetString(said[..RandomAccess.Read(file, said, 0)]) == FileIdentity.Of(folder)?.ToString();
    }
}
