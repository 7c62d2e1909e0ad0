using System.Text.RegularExpressions;
using Serverless.Tests.Support;

namespace Serverless.Tests.Docs;

public sealed partial class PagesTests
{
    [Fact]
    public void EveryDecision_IsInTheIndexOnceUnderItsOwnTitle()
    {
        var pages = Directory.GetFiles(Repository.PathOf("docs", "decisions"), "0*.md")
            .Select(page => $"- [{File.ReadLines(page).First()["# ".Length..]}]({Path.GetFileName(page)})");
        var index = File.ReadLines(Repository.PathOf("docs", "decisions", "README.md"))
            .Where(line => line.StartsWith("- ", StringComparison.Ordinal));

        Assert.Equal(pages.Order(StringComparer.Ordinal), index.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void EveryLinkBetweenPages_LeadsToAFile()
    {
        string[] pages = [Repository.PathOf("README.md"), .. Directory.GetFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories)];
        var broken =
            from page in pages
            from Match link in Target().Matches(File.ReadAllText(page))
            let target = link.Groups[1].Value.Split('#')[0]
            where target.Length > 0 && !target.Contains("://", StringComparison.Ordinal)
            where !Path.Exists(Path.Combine(Path.GetDirectoryName(page)!, target))
            select $"{Path.GetRelativePath(Repository.Root, page)}: {target}";

        Assert.Empty(broken);
    }

    [Fact]
    public void EveryPathOfSourceThatAPageNames_IsThere()
    {
        string[] pages =
        [
            Repository.PathOf("README.md"), Repository.PathOf("client", "README.md"), Repository.PathOf("tests", "README.md"),
            .. Directory.GetFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories),
        ];
        var gone =
            from page in pages
            from Match named in SourcePath().Matches(File.ReadAllText(page))
            let path = Repository.PathOf(named.Groups[1].Value)
            where !Path.Exists(path) && !File.Exists(path + ".cs")
            select $"{Path.GetRelativePath(Repository.Root, page)}: {named.Groups[1].Value}";

        Assert.Empty(gone);
    }

    [GeneratedRegex(@"`((?:core|client|functions|gpu-worker|sdk|cli|cloud|tests|bench|experiments|infra)/[\w/.-]*\w)`")]
    private static partial Regex SourcePath();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Target();
}
