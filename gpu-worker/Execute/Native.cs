using System.Runtime.InteropServices;

namespace Serverless.GpuWorker.Execute;

/// <summary>The few system calls that .NET has no method for. Every one of them is for Unix.</summary>
static unsafe partial class Native
{
    public const int SigAbort = 6, SigKill = 9, SigTerm = 15;
    public const int NoHang = 1;

    /// <summary>errno of a full file system, which .NET hands on as an IOException's HResult.</summary>
    public const int NoSpaceLeft = 28;

    /// <summary>errno when no process can be made: too many of them, or no memory.</summary>
    public const int TryAgain = 11, NoMemory = 12;

    private const int SigPipe = 13;

    /// <summary>
    /// Signals that end a process which does not handle them, and that people and programs send: hang-up, interrupt, quit, two of the user's, pipe,
    /// alarm.
    /// </summary>
    private static int[] Ending => OperatingSystem.IsMacOS() ? [1, 2, 3, 13, 14, 30, 31] : [1, 2, 3, 10, 12, 13, 14];

    /// <summary>More than any system's <c>struct sigaction</c> has; its first word is the handler on all of them.</summary>
    private const int SignalActionWords = 32;

    private const long PidfdOpen = 434, PidfdSendSignal = 424;
    private const int CurrentFolder = -100, NoFollow = 0x100;
    private const int CloseOnExec = 0x80000;
    private const int SetPipeSize = 1031, ChildSubreaper = 36;

    // Of waitid: whichever child, when it has ended, and it stays to be waited for.
    private const int AnyChild = 0, Exited = 4, KeepIt = 0x1000000, Interrupted = 4;

    public static int SigContinue => OperatingSystem.IsMacOS() ? 19 : 18;

    public static int SigStop => OperatingSystem.IsMacOS() ? 17 : 19;

    /// <summary>
    /// Starts a program in which no signal is ignored that this process, or whoever started it, ignores: the runtime ignores SIGPIPE, and a shell
    /// does SIGINT for what runs behind it. Programs that were started so could not be ended by a pipe that is closed, or by Ctrl-C.
    /// </summary>
    public static T WithDefaultSignals<T>(Func<T> start)
    {
        if (OperatingSystem.IsWindows()) return start();
        const nint Ignored = 1;
        List<int> ignored = [];
        var action = stackalloc nint[SignalActionWords];
        foreach (var signal in Ending)
        {
            if (Ask(signal, null, action) == 0 && action[0] == Ignored) ignored.Add(signal);
        }

        // Handled, not the default: a program that starts has no handlers, and this process does not end when the first act of what it has started
        // is to end its whole group. Of what is in the C library, that one may be called at any time and does nothing.
        var nothing = NativeLibrary.GetExport(NativeLibrary.Load("libc", typeof(Native).Assembly, null), "abs");
        foreach (var signal in ignored) Handle(signal, nothing);
        try
        {
            return start();
        }
        finally
        {
            foreach (var signal in ignored) Handle(signal, Ignored);
        }
    }

    /// <summary>From now on this process ignores what others of its group are sent to end them.</summary>
    public static void IgnoreEndingSignals()
    {
        if (!OperatingSystem.IsLinux()) return;
        foreach (var signal in Ending) Handle(signal, 1);
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int Ask(int signal, nint* wanted, nint* current);

    [LibraryImport("libc", EntryPoint = "setsid")]
    public static partial int NewSession();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid")]
    public static partial int WaitFor(int processId, int* status, int options);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitFor(int what, int id, byte* found, int options);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int file, byte* into, nuint length);

    [LibraryImport("libc", EntryPoint = "write")]
    public static partial nint Write(int file, byte* from, nuint length);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int UnsetVariable(string name);

    [LibraryImport("libc", EntryPoint = "fflush")]
    private static partial int FlushStream(nint stream);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Link(string existing, string created);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeMode(int folder, string path, uint mode, int flags);

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true)]
    private static partial int Execute(byte* path, byte** arguments);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Handle(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Call(long number, long a, long b, long c, long d);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int file);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int DuplicateTo(int file, int target);

    [LibraryImport("libc", EntryPoint = "dup3")]
    private static partial int DuplicateTo(int file, int target, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int file, int command, int value);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);

    /// <summary>Moves a descriptor to <paramref name="target"/>, where processes that this one starts do not see it.</summary>
    public static int MoveAside(int file, int target)
    {
        if (OperatingSystem.IsLinux()) return DuplicateTo(file, target, CloseOnExec);
        return Duplicate(file);
    }

    /// <summary>Undoes <see cref="MoveAside"/>.</summary>
    public static void MoveBack(params ReadOnlySpan<(int File, int Target)> moves)
    {
        foreach (var (file, target) in moves) _ = DuplicateTo(file, target);
    }

    /// <summary>This process becomes another program, with the environment as it is in this moment.</summary>
    /// <returns>Only when that failed: why.</returns>
    public static string Become(IReadOnlyList<string> command)
    {
        // .NET ignores SIGPIPE. That would be handed on, to the code and whatever it starts.
        Handle(SigPipe, 0);
        var words = (byte**)NativeMemory.AllocZeroed((nuint)command.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < command.Count; i++) words[i] = (byte*)Marshal.StringToCoTaskMemUTF8(command[i]);
        _ = Execute(words[0], words);
        return Marshal.GetLastPInvokeErrorMessage();
    }

    /// <summary>A handle on a process, which means this one for ever, also when its id is given to another. Linux only.</summary>
    /// <returns>Null when it is gone.</returns>
    public static SafeHandle? HoldProcess(int id) =>
        Call(PidfdOpen, id, 0, 0, 0) is >= 0 and var file ? new Microsoft.Win32.SafeHandles.SafeFileHandle((nint)file, ownsHandle: true) : null;

    public static void Signal(SafeHandle process, int signal) => _ = Call(PidfdSendSignal, process.DangerousGetHandle(), signal, 0, 0);

    /// <summary>Sets the rights to something that is no link.</summary>
    /// <returns>0, or -1.</returns>
    public static int ChangeMode(string path, UnixFileMode mode) => ChangeMode(CurrentFolder, path, (uint)mode, NoFollow);

    /// <summary>Standard input becomes empty; standard error goes where standard output goes, so that their lines keep their order.</summary>
    public static void MergeStandardStreams()
    {
        var nothing = Open("/dev/null", 0);
        _ = DuplicateTo(nothing, 0);
        _ = DuplicateTo(1, 2);
    }

    /// <summary>Orphans below this process become its children instead of init's.</summary>
    public static void AdoptOrphans()
    {
        if (OperatingSystem.IsLinux()) _ = ProcessControl(ChildSubreaper, 1, 0, 0, 0);
    }

    /// <summary>A dead child of which nobody took note yet, and which stays so. Linux only.</summary>
    /// <param name="wait">Until there is one.</param>
    /// <returns>Null when there is none; with <paramref name="wait"/>, when there are no children.</returns>
    public static int? FindDead(bool wait)
    {
        // siginfo_t of 64-bit systems: three numbers, a gap, and then who it is.
        const int Length = 128, IdAt = 16;
        var found = stackalloc byte[Length];
        do
        {
            *(int*)(found + IdAt) = 0;
            if (WaitFor(AnyChild, 0, found, Exited | KeepIt | (wait ? 0 : NoHang)) != 0) continue;
            return *(int*)(found + IdAt) is > 0 and var id ? id : null;
        }
        while (Marshal.GetLastPInvokeError() == Interrupted);
        return null;
    }

    /// <summary>Takes note of a dead child.</summary>
    public static void Reap(int child) => _ = WaitFor(child, null, NoHang);

    /// <summary>Ends this process without the destructors of its native libraries, after writing out what C code has printed.</summary>
    public static void ExitWithoutDestructors(int code)
    {
        _ = FlushStream(0);
        Exit(code);
    }

    /// <summary>Waits until there is something to read, or the end; false: not in time.</summary>
    public static bool IsReadable(SafeHandle pipe, TimeSpan patience)
    {
        if (OperatingSystem.IsWindows()) return true;
        var look = new PollEntry { Descriptor = (int)pipe.DangerousGetHandle(), Wanted = PollIn };

        // An error is for the reading to find.
        return Poll(&look, 1, (int)patience.TotalMilliseconds) != 0;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    private const short PollIn = 1;

    private struct PollEntry
    {
        public int Descriptor;
        public short Wanted;
        public short Found;
    }

    /// <summary>A larger pipe lets code that prints in bursts run on while the reader is busy. Best effort.</summary>
    public static void WidenPipe(SafeHandle pipe)
    {
        if (OperatingSystem.IsLinux()) _ = Control((int)pipe.DangerousGetHandle(), SetPipeSize, 1024 * 1024);
    }
}
