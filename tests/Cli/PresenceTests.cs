using System.Diagnostics;
using Serverless.Cli.Platform;
using Serverless.Core.Storage.Folder;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class PresenceTests : IDisposable
{
    private static readonly Uri Address = new("http://127.0.0.1:4590/");
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Find_WhileThePlatformLives_GivesItsAddress()
    {
        var data = Folder("data");
        using (RunningPlatform.Show(data, Address)) Assert.Equal(Address, RunningPlatform.Find(data));
        Assert.Null(RunningPlatform.Find(data));
        Assert.Empty(Directory.EnumerateFiles(data));
    }

    [Theory]
    [InlineData("address.new")]
    [InlineData("address")]
    [InlineData("exp.alive")]
    public void Show_WhereALinkStandsInAFilesPlace_WritesNothingThroughIt(string name)
    {
        var (data, elsewhere) = (Folder("data"), Path.Combine(folder.Path, "elsewhere"));
        foreach (var exists in (bool[])[false, true])
        {
            if (exists) File.WriteAllText(elsewhere, "somebody's");
            File.CreateSymbolicLink(Path.Combine(data, name), elsewhere);
            using (RunningPlatform.Show(data, Address)) Assert.Equal(Address, RunningPlatform.Find(data));
            Assert.Equal(exists ? "somebody's" : null, File.Exists(elsewhere) ? File.ReadAllText(elsewhere) : null);
        }
    }

    [Theory]
    [InlineData("address.new")]
    [InlineData("address")]
    [InlineData("exp.alive")]
    public void Show_WhereAFolderStandsInAFilesPlace_SaysSo(string name)
    {
        var data = Folder("data");
        var path = Path.Combine(data, name);
        Directory.CreateDirectory(path);
        Assert.Equal($"{path} is a folder, where a file of the platform's own belongs: move it away",
            Assert.Throws<IOException>(() => RunningPlatform.Show(data, Address)).Message);
    }

    [Theory]
    [InlineData("-a")]
    [InlineData("-al")]
    public void Find_OnACopyOfALivingPlatformsFolder_FindsNone(string how)
    {
        var data = Folder("data");
        using var presence = RunningPlatform.Show(data, Address);
        Process.Start("cp", [how, data, data + "-copy"]).WaitForExit();
        Assert.True(File.Exists(Path.Combine(data + "-copy", "address")));
        Assert.Null(RunningPlatform.Find(data + "-copy"));
    }

    [Fact]
    public async Task Find_ByManyAtOnce_WhereThePlatformWasKilled_FindsNone()
    {
        var (data, killed) = (Folder("data"), Folder("killed"));
        using var presence = RunningPlatform.Show(data, Address);
        File.Copy(Path.Combine(data, "address"), Path.Combine(killed, "address"));
        File.WriteAllText(Path.Combine(killed, "exp.alive"), FileIdentity.Of(killed)?.ToString());
        var found = await Task.WhenAll(Enumerable.Range(0, 8)
            .Select(_ => Task.Run(() => Enumerable.Range(0, 200).Select(_ => RunningPlatform.Find(killed)).ToList())));
        Assert.All(found.SelectMany(one => one), Assert.Null);
    }

    [Fact]
    public void ARenamedFolder_TakesItsPlatformAlong_AndWhatIsAtTheOldPathIsLeftAlone()
    {
        var data = Folder("data");
        var presence = RunningPlatform.Show(data, Address);
        var moved = data + "-moved";
        Directory.Move(data, moved);
        Assert.Null(RunningPlatform.Find(data));
        Assert.Equal(Address, RunningPlatform.Find(moved));

        using var another = RunningPlatform.Show(Folder("data"), new("http://127.0.0.1:4591/"));
        presence.Dispose();
        Assert.Equal(new("http://127.0.0.1:4591/"), RunningPlatform.Find(data));
        Assert.Null(RunningPlatform.Find(moved));
    }

    private string Folder(string name) => Directory.CreateDirectory(folder[name]).FullName;
}
