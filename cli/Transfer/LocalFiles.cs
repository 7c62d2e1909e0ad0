using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.Cli.Transfer;

/// <summary>Files of this machine: on their way into the workspace, and written here.</summary>
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

    /// <summary>Writes what a command was asked to write here.</summary>
    /// <exception cref="ExpException">It cannot be written; the message says where and why.</exception>
    public static async Task Write(string path, Func<Task> write)
    {
        try
        {
            await write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ExpException.Usage($"{path} cannot be written: {Reason(path, e)}");
        }
    }

    private static string Reason(string path, Exception e) => e switch
    {
        UnauthorizedAccessException => Directory.Exists(path) ? "a folder is there" : "this user may not write there",
        FileNotFoundException => "no file can be made in that folder",
        DirectoryNotFoundException => $"there is no folder {Path.GetDirectoryName(Path.GetFullPath(path))}",
        PathTooLongException => "the path is too long",
        IOException when FolderFaults.IsFull(e.HResult) => "there is no room left on that disk",
        _ => Path.GetDirectoryName(Path.GetFullPath(path)) is { } parent && File.Exists(parent) ? $"{parent} is a file" : e.Message,
    };
}
