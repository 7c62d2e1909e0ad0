using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>A worker that cannot start says why in one line, which <c>exp up</c> shows, and never how the program is made.</summary>
public sealed class WorkerStartTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("worker", true)]
    [InlineData("worker/cache", true)]
    [InlineData("worker/.starting", false)]
    [InlineData("worker/w1", true)]
    [InlineData("worker/w1/lock", false)]
    [InlineData("bus", true)]
    [InlineData("bus/bus.db", false)]
    [InlineData("workspace", true)]
    [InlineData("workspace/.store", true)]
    public async Task SomethingOddInItsWay_IsNamedInOneLine(string path, bool isFolder)
    {
        var full = Path.Combine(folder.Path, path);
        (isFolder ? OddThing.Pipe : OddThing.EmptyFolder).Put(full, folder.Path, isFolder);
        var said = await FailsToStart();
        Assert.Contains(full, said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFullDisk_IsSaidInOneLine() => await SmallDisk.Run<OnAFullDisk>();

    [Fact]
    public async Task AReadOnlyDisk_IsSaidInOneLine() => await SmallDisk.Run<OnAReadOnlyDisk>();

    [Fact]
    public async Task TooFewOpenFiles_IsSaidInOneLine()
    {
        var (exitCode, said) = await Run(["bash", "-c", "ulimit -n 64; exec \"$0\" \"$@\""], folder.Path);
        Assert.NotEqual(0, exitCode);
        Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private async Task<string> FailsToStart()
    {
        var (exitCode, said) = await Run([], folder.Path);
        Assert.Equal(1, exitCode);
        return Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task<(int ExitCode, string Said)> Run(string[] around, string data)
    {
        var dotnet = Path.GetFullPath(
            Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        string[] line =
        [
            .. around, dotnet, BuiltPrograms.PathOf("gpu-worker", "Serverless.GpuWorker.dll"), "agent", "--data", data, "--machine", "cpu", "--id",
            "w1", "--parent", $"{Environment.ProcessId}",
        ];
        using var process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None),
            process.StandardError.ReadToEndAsync(CancellationToken.None));
        try
        {
            await process.WaitForExitAsync(CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1), CancellationToken.None);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }

        return (process.ExitCode, await output + await errors);
    }

    private static async Task SaysOneLine(string data, string what)
    {
        var (exitCode, said) = await Run([], data);
        Assert.Equal(1, exitCode);
        Assert.Contains(what, Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    private sealed class OnAFullDisk : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", args[0]);
            var data = Directory.CreateDirectory(Path.Combine(args[0], "data")).FullName;
            SmallDisk.Fill(Path.Combine(args[0], "filling"));
            await SaysOneLine(data, "room");
            return 0;
        }
    }

    private sealed class OnAReadOnlyDisk : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", args[0]);
            var data = Directory.CreateDirectory(Path.Combine(args[0], "data")).FullName;
            SmallDisk.Mount("-o", "remount,ro", args[0]);
            await SaysOneLine(data, "read-only");
            return 0;
        }
    }
}
