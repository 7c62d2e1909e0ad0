using System.IO.Enumeration;
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
        var problems = files.Select(file => (file, Problem: Problem(file))).Where(one => one.Problem is not null)
            .Select(one => $"{one.file}: {one.Problem}").ToList();
        if (problems.Count == 0) return;
        if (problems is [var only]) throw ExpException.Usage($"{only}; only plain files can be sent, nothing was");
        var more = problems.Count > MaxNamed ? $"and {problems.Count - MaxNamed} more" : null;
        throw ExpException.Usage($"{problems.Count} cannot be sent, and nothing was:",
            [.. problems.Take(MaxNamed), .. more is null ? Array.Empty<string>() : [more]]);
    }

    /// <summary>
    /// The files below a folder. A link to a folder is one of them, and so refused by <see cref="Check"/>: what lies behind it is somewhere else, or
    /// the folder again.
    /// </summary>
    public static IEnumerable<string> Below(string folder) =>
        new FileSystemEnumerable<string>(
            folder, (ref FileSystemEntry entry) => entry.ToFullPath(),
            new() { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
        {
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !IsLink(entry),
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory || IsLink(entry),
        };

    /// <summary>A download takes the place of a file; of a device, a pipe or a folder never.</summary>
    /// <exception cref="ExpException">One of these is there.</exception>
    public static void CheckTarget(string file)
    {
        var there = Downloads.PlaceOf(file);
        if (!Path.Exists(there) || FileCalls.LookAt(there) is not { Kind: not FileKind.File } other) return;
        throw ExpException.Usage($"{file} cannot be written: {other.Noun} is there");
    }

    private static string? Problem(string file) => PlainFile.Problem(file) is not { } problem ? null
        : Directory.Exists(file) && new FileInfo(file).LinkTarget is { } target ? $"it is a link to the folder {target}; copy that"
        : problem;

    private static bool IsLink(in FileSystemEntry entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint);

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

    /// <exception cref="ExpException">There is none, or a folder.</exception>
    public static void MustBeFile(string path)
    {
        if (Directory.Exists(path)) throw ExpException.Usage($"{path} is a folder: name the file in it");
        if (!File.Exists(path)) throw ExpException.NotFound($"there is no file {path}");
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
