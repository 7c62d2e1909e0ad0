using System.Text;
using System.Text.RegularExpressions;
using Serverless.Core.Spec;

namespace Serverless.Tests.Spec;

public sealed class PathPatternTests
{
    [Theory]
    [InlineData("*.csv", "a.csv b/a.csv b/c/.csv", "a.csv.gz a.csv/b csv")]
    [InlineData("/*.csv", "a.csv", "b/a.csv")]
    [InlineData("data/*.csv", "data/a.csv", "a.csv x/data/a.csv data/x/a.csv")]
    [InlineData("data/**", "data/a data/b/c", "data x/data/a")]
    [InlineData("data/**/x.csv", "data/x.csv data/a/x.csv data/a/b/x.csv", "data/ax.csv data/x.csv/b")]
    [InlineData("**/out/*", "out/a b/out/a b/c/out/a", "out about/a b/out/a/c")]
    [InlineData("model-?.bin", "model-1.bin a/model-x.bin", "model-.bin model-10.bin model-/.bin")]
    [InlineData("run[0-9a].txt", "run0.txt run9.txt runa.txt", "runb.txt run.txt run10.txt")]
    [InlineData("run[!0-9].txt", "runa.txt run!.txt", "run0.txt run/.txt run.txt")]
    [InlineData("[]a]", "] a", "b []a]")]
    [InlineData("[!]a]", "b !", "] a")]
    [InlineData("[a-]", "a -", "b")]
    [InlineData(@"[\]\", @"\\", @"\")]
    [InlineData("[a", "[a", "a")]
    [InlineData("a[", "a[", "a")]
    [InlineData("a.c", "a.c", "abc")]
    [InlineData("a+(b)|c", "a+(b)|c", "aab a+b c")]
    [InlineData("./a/b", "a/b", "x/a/b")]
    [InlineData("*", "a .a a/b ü😀", "")]
    public void APatternMatchesThesePaths_AndNotThose(string pattern, string matched, string others)
    {
        var read = new PathPattern(pattern);
        Assert.All(matched.Split(' '), path => Assert.True(read.Matches(path, isFolder: false), path));
        Assert.All(others.Split(' ', StringSplitOptions.RemoveEmptyEntries), path => Assert.False(read.Matches(path, isFolder: false), path));
    }

    [Fact]
    public void ASlashAtTheEnd_IsForFolders_AndWhatIsInThem()
    {
        var cache = new PathPattern("cache/");
        Assert.True(cache.Matches("cache", isFolder: true));
        Assert.True(cache.Matches("a/cache", isFolder: true));
        Assert.False(cache.Matches("cache", isFolder: false));
        Assert.True(cache.Covers("a/cache/b/c"));
        Assert.False(cache.Covers("a/cache"));
        Assert.True(new PathPattern("cache").Covers("a/cache"));
        Assert.True(new PathPattern("a/*").Covers("a/b/c"));
        Assert.False(new PathPattern("a/*").Covers("a"));
    }

    [Theory]
    [InlineData("[z-a]", "is not a pattern")]
    [InlineData("a/[9-0]*.csv", "is not a pattern")]
    public void ARangeFromLateToEarly_IsNoPattern(string pattern, string problem) =>
        Assert.Contains(problem, Assert.Throws<FormatException>(() => new PathPattern(pattern)).Message, StringComparison.Ordinal);

    [Fact]
    public void APatternLongerThanAnyPath_IsRefused() => Assert.Contains(
        "longer than 1000", Assert.Throws<FormatException>(() => new PathPattern(new('a', 1001))).Message, StringComparison.Ordinal);

    /// <summary>What a pattern means, told by a regular expression instead: slow and large, but nobody's own work.</summary>
    [Fact]
    public void AnyPatternMatchesAnyPath_AsTheRegularExpressionOfItDoes()
    {
        var random = new Random(20261127);
        string Text(string[] of, int most) => string.Concat(Enumerable.Range(0, random.Next(1, most)).Select(_ => of[random.Next(of.Length)]));
        for (var i = 0; i < 20_000; i++)
        {
            var pattern = Text(["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[!a]", "[a-b]", "/**/"], 9);
            var (read, model) = (new PathPattern(pattern), Model(pattern));
            for (var j = 0; j < 10; j++)
            {
                var path = Text(["a", "b", "c", "/"], 10);
                var isFolder = random.Next(2) == 0;
                Assert.True(
                    ((isFolder || !pattern.EndsWith('/')) && model.IsMatch(path)) == read.Matches(path, isFolder), $"'{pattern}' and '{path}'");
                var folders = Enumerable.Range(1, path.Length - 1).Where(at => path[at] == '/').Select(at => path[..at]);
                Assert.True(
                    (read.Matches(path, isFolder: false) || folders.Any(folder => model.IsMatch(folder))) == read.Covers(path),
                    $"'{pattern}' and folders of '{path}'");
            }
        }
    }

    /// <summary>Whoever may write triggers may write thousands.</summary>
    [Fact]
    public void ThousandsOfPatterns_TakeAsMuchMemoryAsTheirText_AlsoOnceTheyWereUsed()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var patterns = Enumerable.Range(0, 2000).Select(i => new PathPattern($"data/{i}/**/a*b*/**/[a-z]?-*.csv")).ToList();
        var path = "data/7/" + string.Concat(Enumerable.Repeat("ab/", 200)) + "x1-2.csv";
        Assert.Equal(1, patterns.Count(pattern => pattern.Matches(path, isFolder: false)));
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, 2000 * 2000);
        GC.KeepAlive(patterns);
    }

    [Fact]
    public void ManyWildcards_ShareOutALongPath()
    {
        var pattern = new PathPattern(string.Concat(Enumerable.Repeat("**/*a", 199)) + "b");
        Assert.False(pattern.Matches(string.Concat(Enumerable.Repeat("aa/", 333)), isFolder: false));
        Assert.True(pattern.Matches(string.Concat(Enumerable.Repeat("a", 999)) + "b", isFolder: false));
    }

    private static Regex Model(string pattern)
    {
        var body = pattern.Trim('/');
        var regex = new StringBuilder(pattern.StartsWith('/') || body.Contains('/', StringComparison.Ordinal) ? "^" : "^(.*/)?");
        for (var i = 0; i < body.Length; i++)
        {
            var rest = body.AsSpan(i);
            var (text, taken) = rest.StartsWith("**/") ? ("(.*/)?", 3)
                : rest.StartsWith("**") ? (".*", 2)
                : rest[0] == '*' ? ("[^/]*", 1)
                : rest[0] == '?' ? ("[^/]", 1)
                : rest.StartsWith("[!a]") ? ("[^a/]", 4)
                : rest[0] == '[' ? (rest[..(rest.IndexOf(']') + 1)].ToString(), rest.IndexOf(']') + 1)
                : (rest[..1].ToString(), 1);
            regex.Append(text);
            i += taken - 1;
        }

        return new(regex.Append('$').ToString(), RegexOptions.CultureInvariant);
    }
}
