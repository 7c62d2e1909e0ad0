using Serverless.GpuWorker.Prepare;

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
        var copying = Task.Run(() => Folders.Copy(from, Path.Combine(root, "to"), (_, _) => { }, cancel.Token), TestContext.Current.CancellationToken);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => copying);
        Directory.Delete(root, recursive: true);
    }
}
