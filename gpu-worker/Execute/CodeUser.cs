using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Serverless.GpuWorker.Agent;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// The user that experiment code, set-up commands and builds run as, when that is not the agent's own: then they cannot read the agent's memory and environment, where its identity
/// is, nor its files, and can gain no rights again. The agent must be root for it, because it starts processes of another user, reads what they leave, and ends them.
/// </summary>
sealed class CodeUser
{
    private const string SetPriv = "/usr/bin/setpriv", Users = "/etc/passwd";

    private readonly uint user, group;

    private CodeUser(string name, uint user, uint group, string home) => (Name, this.user, this.group, Home) = (name, user, group, home);

    public string Name { get; }

    /// <summary>A folder of its own: programs want one, and the agent's is closed.</summary>
    public string Home { get; }

    /// <summary>What goes before a command to run it as this user. It becomes the command: the process stays the same.</summary>
    public IReadOnlyList<string> Become => [SetPriv, $"--reuid={user}", $"--regid={group}", "--clear-groups", "--no-new-privs", "--"];

    /// <param name="name">A name, or a number that need not have one.</param>
    /// <param name="folder">The agent's, in which the user gets a home.</param>
    /// <exception cref="SettingException">Code cannot be run as this user; the message says what to change.</exception>
    public static CodeUser Named(string name, string folder)
    {
        if (!OperatingSystem.IsLinux()) throw new SettingException("--run-as is for Linux");
        if (Find(name) is not { } ids) throw new SettingException($"--run-as {name}: there is no such user here");
        if (ids.User == 0) throw new SettingException($"--run-as {name}: that is root, from whom nothing can be kept; name another user");
        if (!Environment.IsPrivilegedProcess) throw new SettingException($"--run-as {name}: only root can start processes of another user; start this worker as root, or leave --run-as out");
        if (!File.Exists(SetPriv)) throw new SettingException($"--run-as {name}: {SetPriv} is missing; install util-linux");
        var home = Path.Combine(folder, "home");
        Directory.CreateDirectory(home);
        var found = new CodeUser(name, ids.User, ids.Group, home);
        found.Give(home);
        found.Try("-w", home, "a worker's folder must be open to it: the folders above, too");
        found.Try("-x", RunnerProgram.Path, "it must be able to execute the worker's program");
        return found;
    }

    /// <summary>Makes a folder, with everything in it, the user's. Not to be called while code of a run may be at work in it.</summary>
    public void Give(string folder) => ChangeOwner(new DirectoryInfo(folder), user, group);

    /// <summary>Makes it the agent's again: others may only read it. Not to be called while code of a run may be at work in it.</summary>
    public static void TakeBack(string folder) => ChangeOwner(new DirectoryInfo(folder), 0, 0);

    private static (uint User, uint Group)? Find(string name)
    {
        var isNumber = uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number);

        // name:password:user:group:…
        foreach (var line in File.Exists(Users) ? File.ReadLines(Users) : [])
        {
            if (line.Split(':') is [var known, _, var user, var group, ..] && (known == name || isNumber && user == name)) return (Number(user), Number(group));
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

    private static void ChangeOwner(FileSystemInfo entry, uint user, uint group)
    {
        // The owner of a link itself, never of what it leads to.
        if (Native.ChangeOwner(entry.FullName, user, group) != 0) throw new IOException($"cannot change the owner of {entry.FullName}: {new Win32Exception().Message}");
        if (entry is not DirectoryInfo folder || folder.LinkTarget is not null) return;
        foreach (var inner in folder.EnumerateFileSystemInfos()) ChangeOwner(inner, user, group);
    }
}
