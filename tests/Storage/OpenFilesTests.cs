using Serverless.Core.Storage.Folder;

namespace Serverless.Tests.Storage;

public sealed class OpenFilesTests
{
    [Theory]
    [InlineData(64L)]
    [InlineData(511L)]
    public void TooFew_IsSaidWithBothNumbers_AndHowToRaiseIt(long limit)
    {
        var problem = OpenFiles.Problem(limit)!;
        foreach (var said in (string[])[$"{limit}", $"{OpenFiles.Needed}", "ulimit -n"]) Assert.Contains(said, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(512L)]
    [InlineData(1024L)]
    [InlineData(1_048_576L)]
    [InlineData(null)]
    public void Connections_LeaveEnoughForAPlatformAtRest(long? limit)
    {
        Assert.Null(OpenFiles.Problem(limit));
        Assert.InRange(OpenFiles.Connections(limit), 32, (limit ?? long.MaxValue) - 300);
    }
}
