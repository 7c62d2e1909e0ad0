using System.Diagnostics;
using Serverless.Core;
using Serverless.GpuWorker.Execute;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Groups of real processes, where this machine lets the tests make some.</summary>
public sealed class ControlGroupsTests : IDisposable
{
    private const string
        Hybrid = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
        Memory = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
        Unified = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate",
        Container = "622 600 0:26 /docker/4f /sys/fs/cgroup ro,nosuid master:9 - cgroup2 cgroup rw",
        Blank = @"41 31 0:38 / /mnt/my\040groups rw - cgroup2 cgroup2 rw";

    private readonly string mark = $"1-2-3:{new SystemIds(TimeProvider.System).Nonce()}";
    private readonly List<Process> started = [];

    public void Dispose()
    {
        ControlGroups.End(mark);
        foreach (var process in started) process.Dispose();
    }

    [Theory]
    [InlineData(Hybrid, "0::/", "/sys/fs/cgroup/unified")]
    [InlineData(Memory + "\n" + Hybrid, "4:memory:/api/76\n0::/a/b", "/sys/fs/cgroup/unified/a/b")]
    [InlineData(Unified, "0::/user.slice/user-1000.slice/run-7.scope", "/sys/fs/cgroup/user.slice/user-1000.slice/run-7.scope")]
    [InlineData(Container, "0::/docker/4f", "/sys/fs/cgroup")]
    [InlineData(Container, "0::/docker/4f/inner", "/sys/fs/cgroup/inner")]
    [InlineData(Container, "0::/docker/4fa", null)]
    [InlineData(Unified, "0::/../other", null)]
    [InlineData(Unified, "0::/gone (deleted)", null)]
    [InlineData(Memory, "0::/", null)]
    [InlineData(Unified, "4:memory:/a", null)]
    [InlineData(Blank, "0::/a", "/mnt/my groups/a")]
    public void OwnGroup_IsFoundWhereverItsTreeIsMounted(string mounts, string groups, string? own) =>
        Assert.Equal(own, ControlGroups.Find(mounts.Split('\n'), groups.Split('\n'))?.Own);

    /// <summary>
    /// A chain of processes, of which each starts the next and ends, and others that stand still: found by neither parents nor environment.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Kill_EndsWhatForksAllTheTime_AndWhatStandsStill(bool oneByOne)
    {
        var group = Enclose("chain() { chain & exit; }; for s in 1 2 3; do env -i setsid sleep 1000 & kill -STOP $!; done; chain");
        Wait(() => group.Members().Count >= 4);

        if (oneByOne) group.KillOneByOne();
        else group.Kill();

        Assert.True(group.WaitUntilEmpty(WorkerRig.Patience));
        Assert.Empty(group.Members());
        group.Remove();
        Assert.False(Directory.Exists(group.Folder));
    }

    [Fact]
    public void GroupsOfADeadWorker_AreEndedAndRemoved_AlsoThoseThatItsCodeMadeBelow()
    {
        var group = Enclose("exec sleep 1000");
        var inner = new ControlGroup(Directory.CreateDirectory(Path.Combine(group.Folder, "inner")).FullName);
        inner.Add(Start("exec sleep 1000").Id);
        var other = Start("exec sleep 1000");
        Assert.Equal(2, group.Members().Count);

        Assert.Equal(2, ControlGroups.End(mark));

        Assert.False(Directory.Exists(group.Folder));
        Assert.False(other.HasExited);
        other.Kill();
    }

    /// <summary>Whoever was killed could not remove its groups.</summary>
    [Fact]
    public void AWorkerThatStarts_RemovesEmptyGroups_AndLeavesOthersAlone()
    {
        var living = Enclose("exec sleep 1000");
        var left = Directory.CreateDirectory(
            Path.Combine(Path.GetDirectoryName(living.Folder)!, $"serverless-{mark.Replace(':', '-')}-999")).FullName;

        ControlGroups.Open(mark + "x", out _);

        Assert.False(Directory.Exists(left));
        Assert.Single(living.Members());
    }

    [Fact]
    public void AProcessThatHasEnded_GetsNoGroup()
    {
        var groups = Open();
        var process = Start("true");
        process.WaitForExit();

        Assert.Null(groups.Enclose(process));
    }

    private ControlGroup Enclose(string script)
    {
        var groups = Open();
        var group = groups.Enclose(Start("read go; " + script, out var input));
        input.WriteLine();
        Assert.NotNull(group);
        return group;
    }

    private ControlGroups Open()
    {
        var groups = ControlGroups.Open(mark, out var problem);
        Assert.SkipWhen(groups is null, problem ?? "");
        return groups!;
    }

    private Process Start(string script) => Start(script, out _);

    private Process Start(string script, out StreamWriter input)
    {
        var process = Process.Start(new ProcessStartInfo("sh", ["-c", script]) { RedirectStandardInput = true })!;
        started.Add(process);
        input = process.StandardInput;
        return process;
    }

    private static void Wait(Func<bool> isSo) => Assert.True(SpinWait.SpinUntil(isSo, WorkerRig.Patience));
}
