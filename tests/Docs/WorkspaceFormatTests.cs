using System.Diagnostics;
using System.Text.RegularExpressions;
using Serverless.Core.Workspaces;
using Serverless.Tests.Proof;
using Serverless.Tests.Support;

namespace Serverless.Tests.Docs;

/// <summary>docs/workspace-format.md says what there is.</summary>
public sealed partial class WorkspaceFormatTests
{
    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs", "workspace-format.md"));

    [Fact]
    public void EveryFolder_IsOnThePage_AndNoOther()
    {
        var named = NamedFolder().Matches(Page[Page.IndexOf("## Names", StringComparison.Ordinal)..Page.IndexOf("Where a workspace is a folder", StringComparison.Ordinal)])
            .Select(match => match.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        string[] above = ["given/", "untold/"];
        Assert.Equal(WorkspacePaths.Folders.Except(above).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    [Fact(Skip = "there is no python3 here", SkipUnless = nameof(OneCurveForEveryLanguageTests.HasPython), SkipType = typeof(OneCurveForEveryLanguageTests))]
    public async Task TheProgramOnThePage_ReadsASegment()
    {
        using var folder = new TemporaryFolder();
        var program = Page[(Page.IndexOf("```python\n", StringComparison.Ordinal) + 10)..];
        await File.WriteAllTextAsync(folder["read.py"], program[..program.IndexOf("```", StringComparison.Ordinal)], TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(folder["0.expm"], SampleRuns.Segment("größe", 1, -7), TestContext.Current.CancellationToken);
        using var python = Process.Start(new ProcessStartInfo("python3", [folder["read.py"], folder["0.expm"]])
        {
            RedirectStandardOutput = true, Environment = { ["PYTHONUTF8"] = "1" },
        })!;
        Assert.Equal("größe,1,0.1,1000000\ngröße,-7,-0.7,-7000000\n", await python.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    // The first cell of a row.
    [GeneratedRegex(@"(?<=^\|[^|\n]*)`([a-z/]+/)`(?=[^|\n]*\|)", RegexOptions.Multiline)]
    private static partial Regex NamedFolder();
}
