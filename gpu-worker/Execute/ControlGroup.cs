using System.Globalization;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// One group of processes, and those below it that code may have made. Who is in it stays in it, with everything that it starts, whatever becomes of
/// its parents, its session and its environment.
/// </summary>
sealed class ControlGroup(string folder)
{
    private const string Processes = "cgroup.procs", Events = "cgroup.events", KillAll = "cgroup.kill", Freeze = "cgroup.freeze";
    private const int MaxRounds = 50;

    /// <summary>Of a round of killing one by one: what was killed is dead after a moment, unless it hangs in the kernel.</summary>
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(20);

    private static readonly EnumerationOptions Everywhere = new() { RecurseSubdirectories = true, IgnoreInaccessible = true };

    public string Folder => folder;

    /// <summary>Also when it is gone.</summary>
    public bool IsEmpty => Lines(Path.Combine(folder, Events)).All(line => line != "populated 1");

    /// <exception cref="IOException">There is no such process or group, or the kernel keeps the process where it is.</exception>
    /// <exception cref="UnauthorizedAccessException">This process may not move it.</exception>
    public void Add(int process) => Write(folder, Processes, process.ToString(CultureInfo.InvariantCulture));

    /// <summary>The ids of those that live, also in the groups below it.</summary>
    public IReadOnlySet<int> Members() => Groups().SelectMany(group => Lines(Path.Combine(group, Processes)))
        .Select(line => int.Parse(line, NumberStyles.None, CultureInfo.InvariantCulture)).Where(id => id != 0).ToHashSet();

    /// <summary>Ends all that is in it, also what is just being started.</summary>
    public void Kill()
    {
        // As one step of the kernel's, since Linux 5.14.
        if (File.Exists(Path.Combine(folder, KillAll))) Try(KillAll, "1");
        else KillOneByOne();
    }

    /// <summary>As <see cref="Kill"/>, where the kernel has no one step for it.</summary>
    public void KillOneByOne()
    {
        // What stands still starts nothing.
        Try(Freeze, "1");
        for (var round = 0; round < MaxRounds && !IsEmpty; round++)
        {
            // The handle comes before the second look: an id may be given to another process at any time.
            var held = Members().Select(id => (Id: id, Handle: Native.HoldProcess(id))).ToList();
            var still = Members();
            foreach (var (id, handle) in held)
            {
                using (handle)
                {
                    if (handle is not null && still.Contains(id)) Native.Signal(handle, Native.SigKill);
                }
            }

            WaitUntilEmpty(Round);
        }
    }

    /// <returns>Whether it is.</returns>
    public bool WaitUntilEmpty(TimeSpan patience) => SpinWait.SpinUntil(() => IsEmpty, patience);

    /// <summary>Removes it with the groups below it. One that is not empty stays.</summary>
    public void Remove()
    {
        try
        {
            foreach (var inner in Directory.GetDirectories(folder)) new ControlGroup(inner).Remove();
            Directory.Delete(folder);
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            // The next worker that starts here tries again.
        }
    }

    /// <exception cref="UnauthorizedAccessException">This process may not move processes from this group to others.</exception>
    public static void CheckMayMoveFrom(string own) => Open(own, Processes).Dispose();

    private IEnumerable<string> Groups()
    {
        try
        {
            return [folder, .. Directory.GetDirectories(folder, "*", Everywhere)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private void Try(string file, string text)
    {
        try
        {
            Write(folder, file, text);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // It is gone, or this kernel cannot: what is left in it is seen by whoever looks next.
        }
    }

    private static void Write(string folder, string file, string text)
    {
        using var open = Open(folder, file);
        open.Write(System.Text.Encoding.ASCII.GetBytes(text));
    }

    private static FileStream Open(string folder, string file) =>
        new(Path.Combine(folder, file), FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

    private static IReadOnlyList<string> Lines(string file) =>
        ProcessTree.Read(file) is { } bytes ? System.Text.Encoding.ASCII.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
}
