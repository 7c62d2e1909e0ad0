using Serverless.Core.Storage;

namespace Serverless.Core.Submit;

/// <summary>Which files of a folder on this machine are code.</summary>
internal static class CodeFolder
{
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
            var patterns = include?.Select(Pattern).ToList();
            var ignoreFile = Path.Combine(full, IgnoreRules.FileName);
            var rules = new IgnoreRules(File.Exists(ignoreFile) ? File.ReadLines(ignoreFile) : []);
            Walk(new(full, RealPath(full), patterns, rules, found, limits.Entries), full, "");
        }
        else
        {
            throw new SnapshotRefusedException($"there is no file or folder {path}");
        }

        if (found.Count == 0) throw new SnapshotRefusedException($"no file of {path} is to be packed" + (include is null ? "" : $": none matches {string.Join(", ", include)}"));
        foreach (var (name, _) in found)
        {
            if (ObjectKey.Problem(name) is { } problem) throw new SnapshotRefusedException($"'{name}': {problem}; rename it, or exclude it in {IgnoreRules.FileName}");
        }

        found.Sort((a, b) => CodeTree.Order.Compare(a.Name, b.Name));
        var bytes = found.Sum(file => new FileInfo(file.File).Length);
        return bytes <= limits.UnpackedBytes ? found : throw TooLarge("", bytes, limits.UnpackedBytes, found);
    }

    public static SnapshotRefusedException TooLarge(string how, long bytes, long limit, IEnumerable<(string Name, string File)> files)
    {
        var largest = files.Select(file => (file.Name, new FileInfo(file.File).Length)).OrderByDescending(file => file.Length).Take(3)
            .Select(file => $"{file.Name} ({Sizes.Text(file.Length)})");
        return new($"the code is {Sizes.Text(bytes)}{(how.Length == 0 ? "" : " " + how)}, the limit is {Sizes.Text(limit)}; the largest files are {string.Join(", ", largest)}. "
            + $"Exclude them in {IgnoreRules.FileName}, or put data under data/ and name it under inputs");
    }

    private static PathPattern Pattern(string pattern)
    {
        try
        {
            return new(pattern);
        }
        catch (ArgumentException)
        {
            throw new SnapshotRefusedException($"code.include: '{pattern}' is not a pattern");
        }
    }

    private sealed record Search(string Root, string RealRoot, List<PathPattern>? Include, IgnoreRules Rules, List<(string Name, string File)> Found, int MaxEntries);

    private static void Walk(Search search, string folder, string prefix)
    {
        foreach (var item in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            var name = prefix + item.Name;
            var isLink = item.LinkTarget is not null;
            var isFolder = item is DirectoryInfo;
            if (search.Rules.Excludes(name, isFolder)) continue;
            if (isFolder)
            {
                // Below a folder that is a link there may be anything, the folder itself included.
                if (!isLink) Walk(search, item.FullName, name + "/");
                else if (search.Include is null || search.Include.Exists(pattern => pattern.Matches(name, isFolder: true))) throw LeadsOut(name, "is a link to a folder");
                continue;
            }

            if (search.Include?.Exists(pattern => pattern.Covers(name)) == false) continue;
            if (isLink && !RealPath(item.FullName).StartsWith(search.RealRoot + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw LeadsOut(name, "is a link that leads out of the folder, or to nothing");
            }

            search.Found.Add((name, item.FullName));
            if (search.Found.Count > search.MaxEntries)
            {
                throw new SnapshotRefusedException($"more than {search.MaxEntries} files; exclude some in {IgnoreRules.FileName}, or put data under data/ and name it under inputs");
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
