using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Serverless.Core.Storage.Plain;
using Serverless.GpuWorker.Agent;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// The user that experiment code, set-up commands and builds run as, when that is not the agent's own: then they cannot read the agent's memory and
/// environment, where its identity is, nor its files, and can gain no rights again. The agent must be root for it, because it starts processes of
/// another user, reads what they leave, and ends them.
/// </summary>
sealed class CodeUser
{
    private const string SetPriv = "/usr/bin/setpriv", Users = "/etc/passwd";
    private const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly uint user, group;
    private readonly CommonFolders common;

    private CodeUser(string name, uint user, uint group, string folder)
    {
        (Name, this.user, this.group) = (name, user, group);
        common = new(user, Path.GetDirectoryName(folder)!);
    }

    public string Name { get; }

    /// <summary>What goes before a command to run it as this user. It becomes the command: the process stays the same.</summary>
    public IReadOnlyList<string> Become => [SetPriv, $"--reuid={user}", $"--regid={group}", "--clear-groups", "--no-new-privs", "--"];

    /// <param name="name">A name, or a number that need not have one.</param>
    /// <param name="folder">The agent's, in which the user gets folders to work in.</param>
    /// <exception cref="SettingException">Code cannot be run as this user; the message says what to change.</exception>
    public static CodeUser Named(string name, string folder)
    {
        if (!OperatingSystem.IsLinux()) throw new SettingException("--run-as is for Linux");
        if (Find(name) is not { } ids) throw new SettingException($"--run-as {name}: there is no such user here");
        if (ids.User == 0) throw new SettingException($"--run-as {name}: that is root, from whom nothing can be kept; name another user");
        if (!Environment.IsPrivilegedProcess)
        {
            throw new SettingException(
                $"--run-as {name}: only root can start processes of another user; start this worker as root, or leave --run-as out");
        }

        if (!File.Exists(SetPriv)) throw new SettingException($"--run-as {name}: {SetPriv} is missing; install util-linux");
        var found = new CodeUser(name, ids.User, ids.Group, folder);
        LetThrough(folder);
        LetThrough(Path.Combine(folder, "work"));
        var tried = Directory.CreateDirectory(Path.Combine(folder, "work", "tried")).FullName;
        found.Give(tried);
        found.Try("-w", tried, "a worker's folder must be open to it: the folders above, too");
        Directory.Delete(tried);
        found.Try("-x", RunnerProgram.Path, "it must be able to execute the worker's program");
        return found;
    }

    /// <summary>
    /// An attempt of a run begins; at its end what it left in the folders of all users is removed, unless another one is under way.
    /// </summary>
    public Task<IDisposable> Enter(TimeProvider time, CancellationToken cancel) => common.Enter(time, cancel);

    /// <summary>Makes a folder, with everything in it, the user's. Not to be called while code of a run may be at work in it.</summary>
    public void Give(string folder) => Give(new DirectoryInfo(folder), FileCalls.LookAt(folder));

    /// <summary>
    /// Makes it the agent's again: others may read what its owner could, and change nothing, whatever rights were left to them. Not to be called
    /// while code of a run may be at work in it.
    /// </summary>
    public static void TakeBack(string folder) => TakeBack(new DirectoryInfo(folder), FileCalls.LookAt(folder));

    /// <summary>Makes a folder that only the agent can enter.</summary>
    public static void Close(string folder) => Make(folder, Owners);

    /// <summary>Makes a folder in which others reach what they know the name of, and see no names.</summary>
    public static void LetThrough(string folder) => Make(folder, Owners | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);

    private static (uint User, uint Group)? Find(string name)
    {
        var isNumber = uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number);

        // name:password:user:group:…
        foreach (var line in File.Exists(Users) ? File.ReadLines(Users) : [])
        {
            if (line.Split(':') is [var known, _, var user, var group, ..] && (known == name || isNumber && user == name))
            {
                return (Number(user), Number(group));
            }
        }

        return isNumber ? (number, number) : null;
    }

    private static uint Number(string text) => uint.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    // Tried once at the start, instead of failing at every run.
    private void Try(string test, string path, string wanted)
    {
        var words = Become.Concat(["/usr/bin/test", test, path]).ToList();
        var start = new ProcessStartInfo(words[0]) { RedirectStandardError = true };
        foreach (var word in words.Skip(1)) start.ArgumentList.Add(word);
        using var tried = Process.Start(start)!;
        var said = tried.StandardError.ReadToEnd().Trim();
        tried.WaitForExit();
        if (tried.ExitCode == 0) return;
        throw new SettingException(said.Length > 0 ? $"--run-as {Name}: {said}" : $"--run-as {Name}: this user cannot use {path}; {wanted}");
    }

    private static void Make(string folder, UnixFileMode mode)
    {
        if (Native.ChangeMode(Directory.CreateDirectory(folder).FullName, mode) != 0) throw Failure("the rights", new DirectoryInfo(folder));
    }

    // From the leaves to the root: as long as the agent walks in it, it is not the user's, who
    // could put a link there. What is mounted there is nobody's to give.
    private void Give(FileSystemInfo entry, FileStat tree)
    {
        if (!FileCalls.LookAt(entry.FullName).IsMountedLike(tree)) return;
        if (entry is DirectoryInfo { LinkTarget: null } folder)
        {
            foreach (var inner in folder.EnumerateFileSystemInfos()) Give(inner, tree);
        }

        ChangeOwner(entry, user, group);
    }

    // From the root to the leaves: what the agent walks in is not the user's any more.
    private static void TakeBack(FileSystemInfo entry, FileStat tree)
    {
        if (!FileCalls.LookAt(entry.FullName).IsMountedLike(tree)) return;
        ChangeOwner(entry, 0, 0);
        if (entry.LinkTarget is not null) return;
        var owners = entry.UnixFileMode & Owners;
        var readable = (int)owners & (int)(UnixFileMode.UserRead | UnixFileMode.UserExecute);
        if (Native.ChangeMode(entry.FullName, owners | (UnixFileMode)(readable >> 3 | readable >> 6)) != 0) throw Failure("the rights", entry);
        if (entry is not DirectoryInfo folder) return;
        foreach (var inner in folder.EnumerateFileSystemInfos()) TakeBack(inner, tree);
    }

    // The owner of a link itself, never of what it leads to.
    private static void ChangeOwner(FileSystemInfo entry, uint user, uint group)
    {
        if (Native.ChangeOwner(entry.FullName, user, group) != 0) throw Failure("the owner", entry);
    }

    private static IOException Failure(string what, FileSystemInfo entry) =>
        new($"cannot change {what} of {entry.FullName}: {new Win32Exception().Message}");
}
