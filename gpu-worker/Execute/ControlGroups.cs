using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Serverless.Core.Storage.Folder;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// The control groups that a worker makes below its own: one for each runner and whatever that starts. Their names begin with the worker's mark, so
/// that the next worker finds those of one that is dead. Needs the second version of control groups, and the right to divide one's own group: that of
/// root, or of a user to whom a part of the tree was delegated.
/// </summary>
sealed partial class ControlGroups
{
    private const string Prefix = "serverless-", Unlimited = "max";
    private const int MaxTries = 3;

    /// <summary>What was killed is dead after a moment, unless it hangs in the kernel.</summary>
    private static readonly TimeSpan Death = TimeSpan.FromSeconds(2);

    private static readonly EnumerationOptions Everywhere = new() { RecurseSubdirectories = true, IgnoreInaccessible = true };

    private readonly string name;
    private int made;

    private ControlGroups(string name, bool limitsProcessors) => (this.name, LimitsProcessors) = (name, limitsProcessors);

    /// <summary>
    /// Whether this process's own group may use a part of the processors only. A .NET program looks for such a limit in its own group alone, and
    /// finds none in a group that is made below that one.
    /// </summary>
    public bool LimitsProcessors { get; }

    /// <param name="mark">The worker's.</param>
    /// <param name="problem">Why there are none here, for people.</param>
    public static ControlGroups? Open(string mark, out string? problem)
    {
        problem = "no control groups of version 2 are mounted here";
        if (Find() is not { } place) return null;
        try
        {
            RemoveEmpty(place.Own);
            ControlGroup.CheckMayMoveFrom(place.Own);
            var limit = Path.Combine(place.Own, "cpu.max");
            var isLimited = File.Exists(limit) && !File.ReadAllText(limit).StartsWith(Unlimited, StringComparison.Ordinal);
            var groups = new ControlGroups(NameOf(mark), isLimited);
            groups.Make().Remove();
            problem = null;
            return groups;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            problem = $"no control group can be made in {place.Own}: {refused.Message}";
            return null;
        }
    }

    /// <summary>Puts a process that this one has just started, and that has started none yet, into a group of its own.</summary>
    /// <returns>Null when that cannot be.</returns>
    public ControlGroup? Enclose(Process process)
    {
        for (var tries = 0; tries < MaxTries; tries++)
        {
            ControlGroup? group = null;
            try
            {
                group = Make();
                group.Add(process.Id);

                // While it is there, its id is no other's.
                if (!process.HasExited) return group;
                group.Remove();
                return null;
            }
            catch (IOException)
            {
                // Another worker, which has just started, takes every empty group for one that was left.
                group?.Remove();
            }
            catch (UnauthorizedAccessException)
            {
                group?.Remove();
                return null;
            }
        }

        return null;
    }

    /// <summary>Ends what a worker that is gone has left in its groups, wherever in the tree they are, and removes them.</summary>
    /// <returns>How many processes were ended.</returns>
    public static int End(string mark)
    {
        if (Find() is not { } place) return 0;
        var ended = 0;
        foreach (var folder in Directory.GetDirectories(place.Mount, NameOf(mark) + "*", Everywhere))
        {
            // This worker was started by code of the one that is gone.
            if (place.Own == folder || place.Own.StartsWith(folder + "/", StringComparison.Ordinal)) continue;
            var group = new ControlGroup(folder);
            ended += group.Members().Count;
            group.Kill();
            group.WaitUntilEmpty(Death);
            group.Remove();
        }

        return ended;
    }

    /// <summary>
    /// Where the tree of groups of version 2 is mounted, and the folder of this process's own group in it; null where there is none, or its own is
    /// not in sight.
    /// </summary>
    /// <param name="mounts">The lines of <c>/proc/self/mountinfo</c>.</param>
    /// <param name="groups">The lines of <c>/proc/self/cgroup</c>.</param>
    public static (string Mount, string Own)? Find(IEnumerable<string> mounts, IEnumerable<string> groups)
    {
        const string Unified = "0::", Above = "/..", Deleted = " (deleted)";
        const int RootAt = 3, PlaceAt = 4;
        var own = groups.FirstOrDefault(line => line.StartsWith(Unified, StringComparison.Ordinal))?[Unified.Length..];
        if (own is null || own.StartsWith(Above, StringComparison.Ordinal) || own.EndsWith(Deleted, StringComparison.Ordinal)) return null;
        foreach (var line in mounts)
        {
            var fields = line.Split(' ');
            var type = Array.IndexOf(fields, "-") + 1;
            if (type <= PlaceAt || fields.ElementAtOrDefault(type) != "cgroup2") continue;
            var root = Plain(fields[RootAt]).TrimEnd('/');
            var place = Plain(fields[PlaceAt]);
            if (own == root || own.StartsWith(root + "/", StringComparison.Ordinal)) return (place, (place + own[root.Length..]).TrimEnd('/'));
        }

        return null;
    }

    /// <summary>The same, of this process as it is now.</summary>
    public static (string Mount, string Own)? Place => Find();

    private static (string Mount, string Own)? Find()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            return Find(File.ReadLines("/proc/self/mountinfo"), File.ReadLines("/proc/self/cgroup"));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Whoever made a group and has not used it yet makes another.
    private static void RemoveEmpty(string own)
    {
        foreach (var left in Directory.GetDirectories(own, Prefix + "*").Select(folder => new ControlGroup(folder)))
        {
            if (left.IsEmpty) left.Remove();
        }
    }

    private static string NameOf(string mark) => $"{Prefix}{mark.Replace(':', '-')}-";

    // Somebody may have moved this worker since it started: into a group with a limit, for instance.
    private ControlGroup Make()
    {
        var own = Find()?.Own ?? throw new IOException("the group of this process is not in sight");
        var folder = Path.Combine(own, name + Interlocked.Increment(ref made).ToString(CultureInfo.InvariantCulture));
        Posix.MakeFolder(folder);
        return new(folder);
    }

    // Blanks and the like are written as "\040".
    private static string Plain(string field) => Octal().Replace(field, found => ((char)Convert.ToInt32(found.Groups[1].Value, 8)).ToString());

    [GeneratedRegex(@"\\([0-7]{3})")]
    private static partial Regex Octal();
}
