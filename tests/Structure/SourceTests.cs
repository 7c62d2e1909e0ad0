using Serverless.Tests.Support;

namespace Serverless.Tests.Structure;

/// <summary>What a reader meets in every file.</summary>
public sealed class SourceTests
{
    private const int MaxLine = 150;

    private static readonly string[] Programs = ["bench", "cli", "client", "cloud", "core", "experiments", "functions", "gpu-worker", "sdk"];

    /// <summary>Tests may carry tables and other people's files in one line; the product does not.</summary>
    [Fact]
    public void EveryLineOfTheProduct_EndsWhereTheEditorSays()
    {
        Assert.Contains($"max_line_length = {MaxLine}", File.ReadAllText(Repository.PathOf(".editorconfig")), StringComparison.Ordinal);
        var beyond =
            from folder in Programs
            from file in Directory.GetFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories)
            let path = Path.GetRelativePath(Repository.Root, file)
            where !path.Split('/').Any(part => part is "bin" or "obj")
            from line in File.ReadLines(file).Index()
            where line.Item.Length > MaxLine
            select $"{path}:{line.Index + 1} has {line.Item.Length} characters";

        Assert.Empty(beyond);
    }
}
