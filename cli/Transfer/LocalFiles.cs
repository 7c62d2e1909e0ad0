using Serverless.Core.Storage.Plain;

namespace Serverless.Cli.Transfer;

/// <summary>Files of this machine on their way into the workspace.</summary>
static class LocalFiles
{
    private const int MaxNamed = 10;

    /// <exception cref="ExpException">Some are no plain files, or may not be read; each is a line.</exception>
    public static void Check(IEnumerable<string> files)
    {
        var problems = files.Select(file => (file, Problem: PlainFile.Problem(file))).Where(one => one.Problem is not null)
            .Select(one => $"{one.file}: {one.Problem}").ToList();
        if (problems.Count == 0) return;
        if (problems is [var only]) throw ExpException.Usage($"{only}; only plain files can be sent, nothing was");
        var more = problems.Count > MaxNamed ? $"and {problems.Count - MaxNamed} more" : null;
        throw ExpException.Usage($"{problems.Count} cannot be sent, and nothing was:",
            [.. problems.Take(MaxNamed), .. more is null ? Array.Empty<string>() : [more]]);
    }

    /// <exception cref="ExpException">It is no plain file any more.</exception>
    public static Stream Open(string file)
    {
        try
        {
            return PlainFile.Open(file).Content;
        }
        catch (IOException problem)
        {
            throw ExpException.Usage($"{file}: {problem.Message}");
        }
    }
}
