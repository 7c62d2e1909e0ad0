using Serverless.Core.Storage.Folder;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

public sealed class PrivateFolderTests : IDisposable
{
    private const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, Everybodys = (UnixFileMode)511;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("private-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Folder_IsMadeForItsOwnerAlone_WithThoseAboveIt()
    {
        if (OperatingSystem.IsWindows()) return;
        var made = Path.Combine(folder.FullName, "a", "b");
        Assert.Null(PrivateFolder.Ensure(made));
        Assert.Equal(Owners, File.GetUnixFileMode(made));
    }

    [Fact]
    public async Task DataFolder_ThatWasOpenToOthers_IsClosedAtTheNextStart_AndThatIsSaid()
    {
        if (OperatingSystem.IsWindows()) return;
        File.SetUnixFileMode(folder.FullName, Everybodys);
        var log = new LogLines();
        await using (var host = await EmbeddedHost.Start(new() { DataFolder = folder.FullName, Log = log }, TestContext.Current.CancellationToken))
        {
            Assert.Equal(Owners, File.GetUnixFileMode(folder.FullName));
            Assert.Contains("(0777)", Assert.Single(log.All), StringComparison.Ordinal);
            File.SetUnixFileMode(host.AdminKeyFile, Everybodys);
        }

        log.Clear();
        await using var again = await EmbeddedHost.Start(new() { DataFolder = folder.FullName, Log = log }, TestContext.Current.CancellationToken);
        Assert.Empty(log.All);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(again.AdminKeyFile));
    }

    [Fact]
    public void FolderOfSomebodyElse_IsRefused()
    {
        if (!OperatingSystem.IsLinux()) return;
        var others = "/usr";
        if (!PrivateFolder.BelongsToAnother(others))
        {
            // This is root, to whom every folder of the system belongs, and who can give one away.
            others = folder.FullName;
            using var chown = System.Diagnostics.Process.Start("chown", ["65534", others]);
            chown.WaitForExit();
        }

        Assert.Contains("another user", Assert.Throws<NotPrivateException>(() => PrivateFolder.Ensure(others)).Message, StringComparison.Ordinal);
    }
}
