using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core;
using Serverless.GpuWorker.Agent;
using Serverless.GpuWorker.Execute;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>A worker ends what another has left running only when it is proved that the other is gone.</summary>
public sealed class AgentFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<Process> started = [];

    private string Original => Path.Combine(folder.Path, "original");

    private string Other => Path.Combine(folder.Path, "other");

    public void Dispose()
    {
        foreach (var process in started)
        {
            process.Kill();
            process.Dispose();
        }

        folder.Dispose();
    }

    [Theory]
    [InlineData("w1")]
    [InlineData("w2")]
    public async Task ACopyOfALivingWorkersFolder_IsRemoved_AndTheWorkersProcessesAreLeftAlone(string next)
    {
        using var living = await Take(Original, "w1");
        var code = StartCode(living);
        Copy(Original, Other);
        await File.WriteAllTextAsync(
            Path.Combine(Directory.CreateDirectory(Path.Combine(Other, "w1", "work")).FullName, "big"), "", TestContext.Current.CancellationToken);

        using var second = await Take(Other, next);

        Assert.False(code.HasExited);
        Assert.False(Directory.Exists(Path.Combine(Other, "w1", "work")));
        Assert.NotEqual(living.Mark, second.Mark);
    }

    /// <summary>A lock file that came back from a copy is not the one that the worker holds.</summary>
    [Fact]
    public async Task AFolderWhoseLockWasReplacedByItsCopy_SaysNothingAboutItsWorker()
    {
        using var living = await Take(Original, "w1");
        var code = StartCode(living);
        var file = Path.Combine(Original, "w1", "lock");
        var copy = Path.Combine(folder.Path, "copy");
        await File.WriteAllTextAsync(copy, $"{Leftovers.Variable}={living.Mark}", TestContext.Current.CancellationToken);
        File.Move(copy, file, overwrite: true);

        using var second = await Take(Original, "w2");

        Assert.False(code.HasExited);
    }

    [Theory]
    [InlineData("w1")]
    [InlineData("w2")]
    public async Task AFolderThatIsReachedByAnotherPath_IsTheSameFolder(string next)
    {
        Directory.CreateDirectory(Original);
        Directory.CreateSymbolicLink(Other, Original);
        Process code;
        using (var living = await Take(Original, "w1"))
        {
            code = StartCode(living);
            await Assert.ThrowsAsync<SettingException>(() => Take(Other, "w1"));
            (await Take(Other, "w3")).Dispose();
            Assert.False(code.HasExited);
        }

        using var second = await Take(Other, next);

        await code.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task AScratchFolderThatIsAFile_IsSaidToBeNone()
    {
        await File.WriteAllTextAsync(Original, "", TestContext.Current.CancellationToken);

        var said = await Assert.ThrowsAsync<SettingException>(() => Take(Original, "w1"));

        Assert.StartsWith($"{Original} cannot be used as the folder for work and caches: ", said.Message, StringComparison.Ordinal);
    }

    private static Task<AgentFolder> Take(string scratch, string id) =>
        AgentFolder.Take(
            new() { Scratch = scratch, Id = id, Machine = "cpu" }, new SystemIds(TimeProvider.System), TimeProvider.System, NullLogger.Instance);

    private Process StartCode(AgentFolder worker)
    {
        var process = Process.Start(new ProcessStartInfo("sleep", ["1000"]) { Environment = { [Leftovers.Variable] = worker.Mark } })!;
        started.Add(process);
        return process;
    }

    private static void Copy(string from, string to)
    {
        using var copying = Process.Start("cp", ["-a", from, to]);
        copying.WaitForExit();
        Assert.Equal(0, copying.ExitCode);
    }
}
