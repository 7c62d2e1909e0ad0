using System.Runtime.InteropServices;
using System.Text;
using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Storage.Plain;

/// <summary>
/// The system call that says what a name or an open file is. Its answer has the same layout on every architecture; that of <c>stat</c> has not.
/// Linux only.
/// </summary>
internal static unsafe partial class Statx
{
    public const int AtWorkingFolder = -100;

    // The name itself, not what it leads to; nothing above it is mounted for the question; what the system knows is enough.
    public const int NoFollowing = 0x100, NoMounting = 0x800, OfDescriptor = 0x1000, WithoutAsking = 0x4000;
    public const uint BasicFacts = 0x7ff, OwnerFact = 0x8, InodeFact = 0x100, BirthFact = 0x800, MountFact = 0x1000;

    /// <returns>0, or the error number.</returns>
    public static int Ask(int folder, byte* name, int flags, uint wanted, out Answer facts) =>
        Call(folder, name, flags, wanted, out facts) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>The user that a file or folder belongs to, through links. Null: there is none, or this system cannot tell.</summary>
    public static uint? OwnerOf(string path) => OperatingSystem.IsLinux() && Of(path, OwnerFact) is { } found ? found.Owner : null;

    /// <summary>What tells the file at the path, through links, from another one; null when there is none.</summary>
    public static FileIdentity? IdentityOf(string path) =>
        Of(path, InodeFact | BirthFact) is { } found ? new(found.Device, found.Inode, found.Born.Time.Ticks - DateTime.UnixEpoch.Ticks) : null;

    private static Answer? Of(string path, uint wanted)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0')) return Ask(AtWorkingFolder, name, 0, wanted, out var facts) == 0 ? facts : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Call(int folder, byte* name, int flags, uint wanted, out Answer facts);

    /// <summary>What was asked for of <c>struct statx</c>, and perhaps more.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct Answer
    {
        [FieldOffset(0)] public uint Mask;
        [FieldOffset(16)] public uint Names;
        [FieldOffset(20)] public uint Owner;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(40)] public ulong Size;
        [FieldOffset(48)] public ulong Blocks;
        [FieldOffset(80)] public Stamp Born;
        [FieldOffset(96)] public Stamp Changed;
        [FieldOffset(112)] public Stamp Modified;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
        [FieldOffset(144)] public ulong Mount;

        public readonly ulong Device => (ulong)DeviceMajor << 32 | DeviceMinor;
    }

    [StructLayout(LayoutKind.Sequential, Size = 16)]
    public struct Stamp
    {
        public long Seconds;
        public uint Nanoseconds;

        public readonly UnixTime Time => new(Seconds, Nanoseconds);
    }
}
