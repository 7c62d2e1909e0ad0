using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Storage.Plain;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

public sealed class FoldersTests
{
    /// <summary>A set-up command can leave files of many gigabytes in the code's folder.</summary>
    [Fact]
    public async Task Copy_OfALongFile_EndsWhenTheAttemptIsToEnd()
    {
        var root = Directory.CreateTempSubdirectory("folders-tests-").FullName;
        var from = Directory.CreateDirectory(Path.Combine(root, "from")).FullName;
        using (var file = File.Create(Path.Combine(from, "long"))) file.SetLength(8L << 30);
        using var cancel = new CancellationTokenSource();
        var copying = Task.Run(
            () => Folders.Copy(from, Path.Combine(root, "to"), (_, _) => { }, cancel.Token), TestContext.Current.CancellationToken);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => copying);
        TemporaryFolder.Delete(root);
    }

    [Fact]
    public void OutputFolder_ThatCodeMovedAndPutALinkFor_IsStillTheOneThatIsRead()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere a folder is known by its name only");
        using var root = new TemporaryFolder();
        Directory.CreateDirectory(root["elsewhere/output/artifacts"]);
        File.WriteAllText(root["elsewhere/output/artifacts/secret"], "somebody else's");
        using var folder = new WorkFolder(new(root.Path), root["work"], NullLogger.Instance).Emptied();
        File.WriteAllText(Path.Combine(folder.Artifacts, "own"), "the run's");

        Directory.Move(folder.Root, root["moved"]);
        Directory.CreateSymbolicLink(folder.Root, root["elsewhere"]);

        Assert.Equal("artifacts/own", Assert.Single(PlainTree.Walk(folder.OutputItself, "artifacts")).Path);
        using var own = PlainFile.Open(folder.OutputItself, "artifacts/own");
        Assert.NotNull(own);
        Folders.Delete(folder.OutputItself, "artifacts");
        Assert.True(File.Exists(root["elsewhere/output/artifacts/secret"]));
        Assert.False(Directory.Exists(root["moved/output/artifacts"]));
    }
}
