using Serverless.Cli.Terminal;

namespace Serverless.Tests.Cli;

public sealed class ShellTests
{
    [Theory]
    [InlineData("first", "first")]
    [InlineData("./größe/a-b_c.yaml", "./größe/a-b_c.yaml")]
    [InlineData("ne w é", "'ne w é'")]
    [InlineData("it's", @"'it'\''s'")]
    [InlineData("$HOME;ls", "'$HOME;ls'")]
    [InlineData("", "''")]
    public void Quoted_IsOneWordForAShell(string word, string quoted) => Assert.Equal(quoted, Shell.Quoted(word));
}
