using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Code;

/// <summary>Which files of a folder on this machine are code.</summary>
internal static class CodeFolder
{
    private const int MaxIgnoreFile = 1024 * 1024, MaxNamed = 10;

    /// <returns>Path in the package and on disk, in the order of <see cref="CodeTree"/>.</returns>
    public static List<(string Name, string File)> Find(string path, IReadOnlyList<string>? include, CodeLimits limits)
    {
        var full = Path.GetFullPath(path);
        var found = new List<(string Name, string File)>();
        if (File.Exists(full))
        {
            found.Add((Path.GetFileName(full), full));
        }
        else if (Directory.Exists(full))
        {
            var rules = include is null ? null : new IncludeRules(include);
            Walk(new(RealPath(full), rules, new(IgnoreLines(full)), found, limits.Entries), full, "", builtIn: false);
            rules?.ThrowIfOneFoundNothing();
        }
        else
        {
            throw new SnapshotRefusedException($"there is no file or folder {path}");
        }

        if (found.Count == 0) throw new SnapshotRefusedException($"no file of {path} is to be packed");
        Check(found);
        found.Sort((a, b) => CodeTree.Order.Compare(a.Name, b.Name));
        var bytes = found.Sum(file => new FileInfo(file.File).Length);
        return bytes <= limits.UnpackedBytes ? found : throw TooLarge("", bytes, limits.UnpackedBytes, found);
    }

    public static SnapshotRefusedException TooLarge(string how, long bytes, long limit, IEnumerable<(string Name, string File)> files)
    {
        var largest = files.Select(file => (file.Name, new FileInfo(file.File).Length)).OrderByDescending(file => file.Length).Take(3)
            .Select(file => $"{file.Name} ({Sizes.Text(file.Length)})");
        return new(
            $"the code is {Sizes.Text(bytes)}{(how.Length == 0 ? "" : " " + how)}, the limit is {Sizes.Text(limit)}; the largest files are " +
            $"{string.Join(", ", largest)}. "
            + $"Exclude them in {IgnoreRules.FileName}, or put data under data/ and name it under inputs");
    }

    // All at once: who has one pipe in a folder may have several.
    private static void Check(List<(string Name, string File)> found)
    {
        var problems = found.Select(file => (file.Name, Problem: ObjectKey.Problem(file.Name) ?? PlainFile.Problem(file.File)))
            .Where(file => file.Problem is not null).Select(file => $"'{file.Name}': {file.Problem}").ToList();
        if (problems.Count == 0) return;
        var more = problems.Count > MaxNamed ? $"; and {problems.Count - MaxNamed} more" : "";
        throw new SnapshotRefusedException(
            $"{string.Join("; ", problems.Take(MaxNamed))}{more}; rename or remove it, or exclude it in {IgnoreRules.FileName}");
    }

    private static IEnumerable<string> IgnoreLines(string folder)
    {
        var path = Path.Combine(folder, IgnoreRules.FileName);
        if (!File.Exists(path)) return [];
        try
        {
            using var file = PlainFile.Open(path);
            return Encoding.UTF8.GetString(file.ReadAll(MaxIgnoreFile)).TrimStart('\uFEFF').Split('\n');
        }
        catch (IOException problem)
        {
            throw new SnapshotRefusedException($"'{IgnoreRules.FileName}': {problem.Message}");
        }
    }

    private sealed record Search(string RealRoot, IncludeRules? Include, IgnoreRules Ignore, List<(string Name, string File)> Found, int MaxEntries);

    /// <param name="builtIn">The folder is on the platform's own list, or in one that is.</param>
    private static void Walk(Search search, string folder, string prefix, bool builtIn)
    {
        foreach (var item in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            var name = prefix + item.Name;
            var isLink = item.LinkTarget is not null;
            var isFolder = item is DirectoryInfo;
            var takesIn = search.Ignore.TakesIn(name, isFolder);
            if (takesIn == false)
            {
                search.Include?.KeptOut(name);
                continue;
            }

            var isBuiltIn = takesIn is null && (builtIn || IgnoreRules.IsBuiltIn(name, isFolder));
            if (isBuiltIn && search.Include?.Enters(name) != true && (isFolder || search.Include is null)) continue;
            if (isFolder)
            {
                // Below a folder that is a link there may be anything, the folder itself included. One whose name is not UTF-8 is found under
                // another.
                if (!isLink && !Directory.Exists(item.FullName)) search.Found.Add((name, item.FullName));
                else if (!isLink) Walk(search, item.FullName, name + "/", isBuiltIn);
                else if (search.Include?.MatchesFolder(name) != false) throw LeadsOut(name, "is a link to a folder");
                continue;
            }

            if (search.Include?.Takes(name, isBuiltIn) == false) continue;
            if (isLink && !RealPath(item.FullName).StartsWith(search.RealRoot + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw LeadsOut(name, "is a link that leads out of the folder, or to nothing");
            }

            search.Found.Add((name, item.FullName));
            if (search.Found.Count > search.MaxEntries)
            {
                throw new SnapshotRefusedException(
                    $"more than {search.MaxEntries} files; exclude some in {IgnoreRules.FileName}, or put data under data/ and name it under inputs");
            }
        }
    }

    /// <summary>With every link on the way resolved; empty when it leads to nothing, or round in a circle.</summary>
    private static string RealPath(string path, int links = 0)
    {
        var real = Path.GetPathRoot(path)!;
        foreach (var part in path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(real, part);
            FileSystemInfo item = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            if (!item.Exists || links > 40) return "";
            real = item.LinkTarget is null ? next : RealPath(Path.GetFullPath(item.LinkTarget, real), links + 1);
            if (real.Length == 0) return "";
        }

        return real;
    }

    private static SnapshotRefusedException LeadsOut(string name, string what) =>
        new($"'{name}' {what}; copy what it leads to, or exclude it in {IgnoreRules.FileName}");
}
