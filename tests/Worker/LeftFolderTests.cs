using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>A container that a run starts writes files as root into the run's folder; a worker that is not root cannot remove them.</summary>
public sealed class LeftFolderTests
{
    [Fact]
    public async Task AWorkFolderThatCannotBeRemoved_IsSaidOnce()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "only root makes files of another user");
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["work/output"]);
        Process.Start("chown", ["-R", "65534:65534", folder.Path]).WaitForExit();
        Directory.CreateDirectory(folder["work/output/others"]);
        await File.WriteAllTextAsync(folder["work/output/others/file"], "root's", TestContext.Current.CancellationToken);
        string[] around = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", $"HOME={folder.Path}"];
        await using var child = ChildProcess.Start<Leave>(around, folder.Path);
        await child.Success();
    }

    private sealed class Leave : IChildProgram
    {
        public static Task<int> Run(string[] args)
        {
            var lines = new LogLines();
            var work = Path.Combine(args[0], "work");
            using (var folder = new WorkFolder(new(args[0]), work, lines.CreateLogger("worker"))) folder.Dispose();
            Assert.Contains($"{work} cannot be removed and takes room", Assert.Single(lines.All), StringComparison.Ordinal);
            return Task.FromResult(0);
        }
    }
}
