using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Core.Lineage;
using Serverless.Core.Workspaces;

namespace Serverless.Cli;

static class FilesCommand
{
    private const string Data = "data/";

    public static Verb Create(World world) =>
        new Verb("files", "Manage the workspace's files, below data/").With(List(world), Put(world), Get(world), Remove(world));

    private static Verb List(World world)
    {
        var prefix = new Argument<string>("PATH")
        {
            Description = "A folder or the beginning of a path", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => Data,
        };
        var recursive = new Option<bool>("--recursive", "-r") { Description = "List every file, not folders" };
        return new Verb("ls", "List files")
        {
            Examples = ["exp files ls", "exp files ls data/digits/ -r"],
        }.With(prefix, recursive).Does(world, async (session, cancel) =>
        {
            if (!session.Output.Json) Output.WarmUp();
            var files = await All(session, BelowData(session.Get(prefix)), cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(new FileList(files, null));
                return;
            }

            if (files.Count == 0) session.Output.Remark($"Nothing there. Put something with: exp files put PATH");
            var entries = session.Get(recursive)
                ? files.Select(file => (Name: file.Path, Files: (IReadOnlyList<WorkspaceFile>)[file]))
                : Folded(files, BelowData(session.Get(prefix)));
            session.Output.Write(new Listing(Column.Number("SIZE", 1), Column.Number("CHANGED", 2), Column.Text("PATH", narrowest: 20))
                .AddAll(entries.Select(entry => new Cell[]
                {
                    Format.Bytes(entry.Files.Sum(file => file.LengthBytes)),
                    new(Format.Ago(entry.Files.Max(file => file.Modified), session.Output.Now), "dim"),
                    new(entry.Name, entry.Name.EndsWith('/') ? "blue" : null),
                })));
        });
    }

    private static Verb Put(World world)
    {
        var paths = new Argument<string[]>("PATH") { Description = "Files and folders on this machine", Arity = ArgumentArity.OneOrMore };
        var to = new Option<string?>("--to")
        {
            Description = "Target: a folder with '/' at its end, or the file's new name [data/]", HelpName = "data/…",
        };
        return new Verb("put", "Upload files and folders to the workspace")
        {
            Examples = ["exp files put digits/", "exp files put train.csv test.csv --to data/digits/"],
        }.With(paths, to).Does(world, async (session, cancel) =>
        {
            var target = BelowData(session.Get(to) ?? Data);
            var found = session.Get(paths).SelectMany(path => Local(path, target)).ToList();
            LocalFiles.Check(found.Select(one => one.File));
            if (found.GroupBy(one => one.Key, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
            {
                throw ExpException.Usage($"{string.Join(" and ", twice.Select(one => one.File))} would both become {twice.Key}; put them one by one");
            }

            if (found.Count > 1 && !target.EndsWith('/'))
            {
                throw ExpException.Usage($"--to {target}: {found.Count} files need a folder; write {target}/");
            }

            await Transfers.Run(session.Output, "Put",
                [.. found.Select(one => (one.Key, one.File, LengthBytes: new FileInfo(one.File).Length)).Select(one =>
                new Transfer.Transfer(one.Key, one.LengthBytes, (moved, stop) => session.Api.PutFile(
                    one.Key, one.LengthBytes, () => LocalFiles.Open(one.File), moved, stop)))], cancel);
            if (session.Output.Json) Output.WriteJson(found.Select(one => one.Key).ToList());
        });
    }

    private static Verb Get(World world)
    {
        var path = new Argument<string>("PATH") { Description = "A file, or a folder with '/' at its end" };
        var to = new Argument<string>("TO")
        {
            Description = "File or folder to write to; - prints a file", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => ".",
        };
        return new Verb("get", "Download files from the workspace")
        {
            Examples = ["exp files get data/digits/ digits", "exp files get data/results/table.csv -"],
        }.With(path, to).Does(world, async (session, cancel) =>
        {
            var (from, target) = (BelowData(session.Get(path)), session.Get(to));
            if (target == "-")
            {
                await using var content = await session.Api.OpenFile(from, long.MaxValue, cancel);
                await using var output = StandardOutput.Open();
                await content.CopyToAsync(output, cancel);
                return;
            }

            var files = (await All(session, from, cancel))
                .Where(file => from.EndsWith('/') || file.Path == from || file.Path.StartsWith(from + "/", StringComparison.Ordinal)).ToList();
            if (files.Count == 0) throw ExpException.NotFound($"there is no {from} in the workspace; see: exp files ls");
            var exact = files is [{ Path: var only }] && only == from;
            await Transfers.Run(session.Output, "Got", [.. files.Select(file => new Transfer.Transfer(file.Path, file.LengthBytes, (moved, stop) =>
                Transfers.Save(open => session.Api.OpenFile(file.Path, file.LengthBytes, open), Place(file.Path), moved, stop)))], cancel);
            if (session.Output.Json) Output.WriteJson(files.Select(file => Place(file.Path)).ToList());

            // As cp does: a file keeps its name below an existing folder; a folder's content goes into the target.
            string Place(string file) => exact
                ? Directory.Exists(target) || target.EndsWith('/') ? Transfers.Below(target, Path.GetFileName(file)) : Path.GetFullPath(target)
                : Transfers.Below(target, file[from.TrimEnd('/').Length..].TrimStart('/'));
        });
    }

    private static Verb Remove(World world)
    {
        var paths = new Argument<string[]>("PATH") { Description = "Files; with -r also folders", Arity = ArgumentArity.OneOrMore };
        var recursive = new Option<bool>("--recursive", "-r") { Description = "Remove folders with everything in them" };
        var force = new Option<bool>("--force", "-f") { Description = "Remove even if runs read them" };
        return new Verb("rm", "Remove files from the workspace")
        {
            Examples = ["exp files rm data/old.csv", "exp files rm -r data/tmp/"],
        }.With(paths, recursive, force).Does(world, async (session, cancel) =>
        {
            var removed = new List<string>();
            foreach (var path in session.Get(paths).Select(BelowData))
            {
                if (!session.Get(recursive))
                {
                    if (path.EndsWith('/')) throw ExpException.Usage($"{path} is a folder; remove it with everything in it: exp files rm -r {path}");
                    await session.Api.DeleteFile(path, session.Get(force), cancel);
                    removed.Add(path);
                    continue;
                }

                var below = (await All(session, path, cancel)).Select(file => file.Path)
                    .Where(file => file == path || file.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal)).ToList();
                if (below.Count == 0) throw ExpException.NotFound($"there is no {path} in the workspace");
                if (!session.Get(force)) await Unread(session, path, cancel);
                foreach (var file in below) await session.Api.DeleteFile(file, session.Get(force), cancel);
                removed.AddRange(below);
            }

            if (session.Output.Json) Output.WriteJson(removed);
            else session.Output.Line($"Removed {removed.Count} {(removed.Count == 1 ? "file" : "files")}");
        });
    }

    /// <summary>Before the first file goes: a folder is removed as a whole or not at all.</summary>
    private static async Task Unread(Session session, string path, CancellationToken cancel)
    {
        var lineage = await session.Api.GetLineage(path, 1, cancel);
        var readers = lineage.Edges.Where(edge => edge.From == lineage.Root && edge.Relation == LineageRelation.Input)
            .Select(edge => edge.To["run:".Length..]).ToList();
        if (readers.Count == 0) return;
        var runs = $"{readers.Count} {(readers.Count == 1 ? "run" : "runs")}";
        var which = string.Join(", ", readers.Take(5).Select(Format.ShortId));
        throw ExpException.Usage($"{runs} read files of {path} as they are ({which}); nothing was removed. To remove them anyway, use --force");
    }

    private static string BelowData(string path) =>
        path.StartsWith(Data, StringComparison.Ordinal) ? path : path is "data" ? Data : Data + path.TrimStart('/');

    private static async Task<List<WorkspaceFile>> All(Session session, string prefix, CancellationToken cancel)
    {
        var files = new List<WorkspaceFile>();
        await foreach (var file in session.Api.ListFiles(prefix, cancel)) files.Add(file);
        return files;
    }

    private static IEnumerable<(string Name, IReadOnlyList<WorkspaceFile> Files)> Folded(List<WorkspaceFile> files, string prefix)
    {
        var start = prefix.LastIndexOf('/') + 1;
        return files.GroupBy(file => file.Path.IndexOf('/', start) is var slash && slash < 0 ? file.Path : file.Path[..(slash + 1)])
            .Select(group => (group.Key, (IReadOnlyList<WorkspaceFile>)[.. group]));
    }

    private static IEnumerable<(string Key, string File)> Local(string path, string target)
    {
        if (File.Exists(path)) return [(target.EndsWith('/') ? target + Path.GetFileName(path) : target, path)];
        if (!Directory.Exists(path)) throw ExpException.NotFound($"there is no file or folder {path}");
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

        // "digits" becomes data/digits/…, "digits/." and "." give their content: what cp -r does.
        var below = Path.GetFileName(path.TrimEnd('/')) is "." or ".." ? "" : Path.GetFileName(root) + "/";
        var folder = target.EndsWith('/') ? target : target + "/";
        return LocalFiles.Below(root)
            .Select(file => (folder + below + Path.GetRelativePath(root, file).Replace(Path.DirectorySeparatorChar, '/'), file));
    }
}
