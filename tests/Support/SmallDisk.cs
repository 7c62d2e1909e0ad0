using System.Diagnostics;

namespace Serverless.Tests.Support;

/// <summary>A small disk of a child process's own, filled up and made read-only for real. It goes with the process.</summary>
static class SmallDisk
{
    /// <summary>Runs the program where it can mount disks that nobody else sees; its argument is a folder for one.</summary>
    public static async Task Run<T>()
        where T : IChildProgram
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "mounting a disk of one's own is a thing of Linux");
        string[]? unshare = await Can("unshare", "-m", "true") ? ["unshare", "-m"] : await Can("unshare", "-rm", "true") ? ["unshare", "-rm"] : null;
        var mustRun = Environment.GetEnvironmentVariable("CI") is { Length: > 0 } || Environment.UserName == "root";
        Assert.SkipWhen(unshare is null && !mustRun, "mounting needs root, or a system that lets users have namespaces of their own");
        using var folder = new TemporaryFolder();
        await using var child = ChildProcess.Start<T>(unshare ?? [], folder.Path);
        await child.Success();
    }

    private static async Task<bool> Can(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode == 0;
    }

    public static void Mount(params string[] args)
    {
        using var process = Process.Start("mount", args);
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"mount {string.Join(' ', args)} failed: these tests need root or user namespaces");
    }
}
