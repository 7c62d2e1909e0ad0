using Serverless.Tests.Support;
using Spectre.Console;

namespace Serverless.Tests.Cli;

/// <summary>
/// Every command that shows a table, on terminals of several widths, in a workspace where everything has as long a name as it may have.
/// </summary>
public sealed class TableTests(HostileWorkspace hostile) : IClassFixture<HostileWorkspace>
{
    /// <summary>What makes each command show its table; words in capitals are names of the workspace.</summary>
    private static readonly string[] Tables =
    [
        "list", "show FIRST", "metrics FIRST", "compare FIRST SECOND --all", "why-not-reused FIRST SECOND", "lineage FIRST", "wait FIRST SECOND",
        "artifacts ls FIRST",
        "checkpoints ls FIRST", "files ls -r", "dataset list", "dataset show DATASET:1", "dataset diff DATASET:1 DATASET:2", "machines", "keys list",
        "webhook list",
        "webhook show WEBHOOK", "webhook undelivered WEBHOOK", "trigger list", "trigger test TRIGGER", "trigger replay TRIGGER", "dead-letters list",
        "profiles list",
    ];

    /// <summary>These have no table, or one of those above and no other.</summary>
    private static readonly string[] WithoutTables =
    [
        "demo", "up", "init", "run", "submit", "spec schema", "logs", "plot", "report", "cancel", "rerun", "tag", "delete", "login", "logout",
        "doctor",
        "artifacts get",
        "checkpoints get", "files put",
        "files get", "files rm", "dataset publish", "dataset get", "dataset delete", "webhook add", "webhook test", "webhook pause",
        "webhook resume", "webhook redeliver",
        "webhook remove", "trigger add", "trigger show", "trigger remove", "trigger pause", "trigger resume", "profiles use", "keys add",
        "keys revoke",
        "dead-letters show", "dead-letters requeue",
    ];

    [Fact]
    public async Task EveryCommand_IsListedHere()
    {
        var listed = WithoutTables.Concat(
            Tables.Select(line => string.Join(' ', line.Split(' ').TakeWhile(word => !word.StartsWith('-') && char.IsAsciiLetterLower(word[0])))));
        Assert.Equal((await Commands("")).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));

        async Task<List<string>> Commands(string group)
        {
            var help = (await hostile.Platform.Exp([.. group.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"])).Output.Split('\n');
            var names = help.SkipWhile(line => line != "Commands:").Skip(1).TakeWhile(line => line.Length > 0)
                .Select(line => line.TrimStart().Split(' ')[0]).ToList();
            if (names.Count == 0) return [group];
            var all = new List<string>();
            foreach (var name in names) all.AddRange(await Commands($"{group} {name}".TrimStart()));
            return all;
        }
    }

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(200)]
    public async Task EveryTable_FitsTheTerminal(int columns)
    {
        foreach (var command in Tables)
        {
            var (code, lines) = await ExpTerminal.Run(hostile.Platform, columns, hostile.Named(command));
            Assert.True(code is 0 or 6, $"exp {command} on {columns} columns: {code}\n{string.Join('\n', lines)}");
            Assert.All(lines, line => Assert.True(line.GetCellWidth() <= columns,
                $"exp {command}: {line.GetCellWidth()} of {columns} columns:\n{string.Join('\n', lines)}"));
        }
    }

    [Fact]
    public async Task ANarrowTerminal_IsToldWhatIsHidden_AndAPipeGetsEverything()
    {
        var (_, lines) = await ExpTerminal.Run(hostile.Platform, 40, "list");
        Assert.Contains("5 columns hidden: PARAMS, METRICS, CHECKS, TIME, AGE; widen the terminal or use --json",
            string.Join(' ', lines.Select(line => line.TrimEnd())), StringComparison.Ordinal);
        Assert.Contains("…", lines[1], StringComparison.Ordinal);
        var piped = await hostile.Platform.Exp("list");
        Assert.Equal(3, piped.Output.TrimEnd().Split('\n').Length);
        Assert.DoesNotContain("…", piped.Output, StringComparison.Ordinal);
        Assert.Contains(HostileWorkspace.Long, piped.Output, StringComparison.Ordinal);
        Assert.Equal("", piped.Error);
    }
}
