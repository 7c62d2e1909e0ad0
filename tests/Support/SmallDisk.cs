using System.Diagnostics;

namespace Serverless.Tests.Support;

/// <summary>
/// Disks of a test's own, filled up and made read-only for real. They are mounted by a child process, where nobody else sees them, and go with it.
/// Where users may not have namespaces of their own such a test is skipped on somebody's machine; as root, and in CI, it fails.
/// </summary>
static class SmallDisk
{
    /// <summary>Runs the program where it may mount; it gets the path of an empty folder, and then the other arguments.</summary>
    public static async Task Run<T>(params string[] args)
        where T : IChildProgram
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "mounting a disk of one's own is a thing of Linux");
        string[]? unshare = await Can("unshare", "-m", "true") ? ["unshare", "-m"] : await Can("unshare", "-rm", "true") ? ["unshare", "-rm"] : null;
        var mustRun = Environment.GetEnvironmentVariable("CI") is { Length: > 0 } || Environment.UserName == "root";
        Assert.SkipWhen(unshare is null && !mustRun, "mounting needs root, or a system that lets users have namespaces of their own");
        using var folder = new TemporaryFolder();
        await using var child = ChildProcess.Start<T>(unshare ?? [], [folder.Path, .. args]);
        await child.Success();
    }

    public static void Mount(params string[] args) => Do("mount", args);

    /// <summary>From its place at once; whoever is just reading there finishes.</summary>
    public static void Unmount(string folder) => Do("umount", "--lazy", folder);

    /// <summary>Writes a file that takes all the room there is.</summary>
    public static void Fill(string path)
    {
        using var file = File.Create(path, bufferSize: 0);
        try
        {
            while (true) file.Write(new byte[4096]);
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Makes empty files in a folder until the disk takes no more of them.</summary>
    public static void FillInodes(string folder)
    {
        Directory.CreateDirectory(folder);
        try
        {
            for (var file = 0; ; file++) File.Create(Path.Combine(folder, $"{file}"), bufferSize: 0).Dispose();
        }
        catch (IOException)
        {
            // Full.
        }
    }

    private static void Do(string program, params string[] args)
    {
        using var process = Process.Start(program, args);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', args)} failed: these tests need root or user namespaces");
        }
    }

    private static async Task<bool> Can(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode == 0;
    }
}
