using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Workspaces;

public sealed class LocalWorkspacesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task Workspaces_AreFoldersBesideEachOther_AndThePlatformBesideThem()
    {
        var cancel = TestContext.Current.CancellationToken;
        var workspaces = new LocalWorkspaces(folder.Path, TimeProvider.System);
        await workspaces.Open(LocalWorkspaces.Default).Put("data/x", "one"u8, cancel: cancel);
        await workspaces.Open("team-2").Put("data/x", "two"u8, cancel: cancel);
        await workspaces.Platform.Put("keys/k.json", "{}"u8, cancel: cancel);
        Assert.Equal("one", await File.ReadAllTextAsync(folder["workspace/data/x"], cancel));
        Assert.Equal("two", await File.ReadAllTextAsync(folder["team-2/data/x"], cancel));
        Assert.Equal("{}", await File.ReadAllTextAsync(folder["platform/keys/k.json"], cancel));
        Assert.Same(workspaces.Open("team-2"), workspaces.Open("team-2"));
    }

    [Theory]
    [InlineData("ab")]
    [InlineData("")]
    [InlineData("Team")]
    [InlineData("../x")]
    [InlineData("a/b")]
    [InlineData("-team")]
    [InlineData("team-")]
    [InlineData("a--b")]
    [InlineData("platform")]
    [InlineData("bus")]
    [InlineData("worker")]
    public void AWorkspaceName_ThatNoContainerCouldHaveOrThePlatformUses_IsRefused(string name) =>
        Assert.Throws<ArgumentException>(() => new LocalWorkspaces(folder.Path, TimeProvider.System).Open(name));

    public void Dispose() => folder.Dispose();
}
