using System.Text.RegularExpressions;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Storage.Folder;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

public sealed partial class NestedFolderTests : IDisposable
{
    // Made once at a start, before there is anything that could be taken for another; or the folder that somebody names.
    private static readonly string[] AtTheStart =
    [
        "core/Storage/Folder/Posix.cs", "core/Storage/Folder/PrivateFolder.cs", "core/Storage/FolderObjectStore.cs",
        "gpu-worker/Agent/AgentFolder.cs", "gpu-worker/Execute/CodeUser.cs", "gpu-worker/Prepare/CacheFolders.cs",
        "gpu-worker/WeakenVersionNeed.task.cs",
    ];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Make_MakesAllBelow_AndNeverWhatItIsBelow()
    {
        NestedFolder.Make(folder.Path, folder["a/b/c"]);
        NestedFolder.Make(folder.Path, folder["a/b/c"]);
        Assert.True(Directory.Exists(folder["a/b/c"]));
        Assert.Throws<DirectoryNotFoundException>(() => NestedFolder.Make(folder["gone"], folder["gone/a/b"]));
        Assert.False(Directory.Exists(folder["gone"]));
    }

    [Fact]
    public void NothingThatRunsBesideAPlatform_MakesWholePaths()
    {
        var all = ((string[])["core", "functions", "gpu-worker"]).SelectMany(
            room => Directory.EnumerateFiles(Repository.PathOf(room), "*.cs", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repository.PathOf(), file)).Where(file => !BuildOutput().IsMatch(file));
        Assert.Equal(AtTheStart.Order(),
            all.Where(file => File.ReadAllText(Repository.PathOf(file)).Contains("Directory.CreateDirectory(", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task Bus_WhoseFolderIsGone_MakesNoneForItsBell()
    {
        using var bus = Bus();
        await Assert.ThrowsAsync<BusUnavailableException>(() => bus.Receive("queue", TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(folder["data"]));
    }

    [Fact]
    public async Task Bus_WhoseFolderWasRenamed_IsNotMadeInWhatSomebodyPutThere()
    {
        Directory.CreateDirectory(folder["data"]);
        using var bus = Bus();
        await bus.Send("queue", new("1", "first"), cancel: TestContext.Current.CancellationToken);
        Directory.Move(folder["data"], folder["moved"]);
        Directory.CreateDirectory(folder["data/worker/cpu-1/work"]);
        await Assert.ThrowsAsync<BusUnavailableException>(() => bus.Send("queue", new("2", "second"), cancel: TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(folder["data/bus"]));

        TemporaryFolder.Delete(folder["data"]);
        Directory.Move(folder["moved"], folder["data"]);
        Assert.Equal("first", (await bus.Receive("queue", TimeSpan.Zero, TestContext.Current.CancellationToken))?.Message.Body);
    }

    private SqliteMessageBus Bus() => new(folder["data/bus/bus.db"], TimeProvider.System, new SystemIds(TimeProvider.System));

    [GeneratedRegex(@"(^|/)(bin|obj)/")]
    private static partial Regex BuildOutput();
}
