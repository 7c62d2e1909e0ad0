using System.CommandLine;
using System.Globalization;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Core.Code;
using Serverless.Core.Datasets;
using Serverless.Core.Spec;

namespace Serverless.Cli.Datasets;

static class DatasetCommand
{
    private const int HashShown = 12;

    public static Verb Create(World world) => new Verb("dataset", "Manage datasets: immutable, numbered versions of folders, to use as inputs").With(
        Publish(world), List(world), Show(world), Diff(world), Get(world), Delete(world));

    private static Verb Publish(World world)
    {
        var path = new Argument<string>("PATH")
        {
            Description = "A file or folder: of the workspace if it begins with data/, else of this machine (./data for a local one of that name)",
        };
        var name = new Option<string?>("--name", "-n") { Description = "The dataset's name [the folder's]", HelpName = "NAME" };
        return new Verb("publish", "Publish a file or folder as a new version; content that is already published makes none")
        {
            Examples = ["exp dataset publish data/digits --name digits", "exp dataset publish ./digits"],
        }.With(path, name).Does(world, async (session, cancel) =>
        {
            var from = session.Get(path);
            var dataset = session.Get(name) ?? Path.GetFileNameWithoutExtension(
                Path.TrimEndingDirectorySeparator(from.StartsWith("data/", StringComparison.Ordinal) ? from : Path.GetFullPath(from)));
            if (SpecRules.NameProblem(dataset) is { } problem) throw ExpException.Usage($"--name: {problem}");
            var published = from.StartsWith("data/", StringComparison.Ordinal)
                ? await session.Api.Publish(dataset, new(Path: from), cancel)
                : await new LocalDataset(session, dataset, from).Publish(cancel);
            if (session.Output.Json) Output.WriteJson(published);
            else if (published is { IsNew: true, Version: { } made })
            {
                session.Output.Line($"[green]Published[/] [bold]{made}[/]  {Size(made)}  {made.Sha256[..HashShown]}");
            }
            else session.Output.Line($"[bold]{published.Version!}[/] has this content already; nothing to publish");
        });
    }

    private static Verb List(World world) => new Verb("list", "List datasets").Does(world, async (session, cancel) =>
    {
        if (!session.Output.Json) Output.WarmUp();
        var list = await session.Api.GetDatasets(cancel);
        if (session.Output.Json)
        {
            Output.WriteJson(list);
            return;
        }

        var living = list.Datasets.Select(dataset => dataset with { Versions = [.. dataset.Versions.Where(version => !version.IsDeleted)] })
            .Where(dataset => dataset.Versions.Count > 0).ToList();
        if (living.Count == 0) session.Output.Remark($"No datasets. Make one with: exp dataset publish PATH --name NAME");
        session.Output.Write(new Listing([Column.Text("LATEST", narrowest: 16), Column.Number("VERSIONS", 4), .. VersionColumns])
            .AddAll(living.Select(dataset => (Cell[])[new($"{dataset.Versions[0]}", "bold"), $"{dataset.Versions.Count}",
                .. Row(dataset.Versions[0], session.Output)])));
        DoctorCommand.Remark(session.Output, list.Damaged);
    });

    private static Verb Show(World world)
    {
        var which = Reference("A dataset's name for its versions, or a version for its files");
        return new Verb("show", "Show a dataset's versions, or a version's files")
        {
            Examples = ["exp dataset show digits", "exp dataset show digits:latest"],
        }.With(which).Does(world, async (session, cancel) =>
        {
            if (!session.Output.Json) Output.WarmUp();
            if (SpecRules.NameProblem(session.Get(which)) is null)
            {
                var dataset = await session.Api.GetDataset(session.Get(which), cancel);
                if (session.Output.Json) Output.WriteJson(dataset);
                else session.Output.Write(new Listing([Column.Text("VERSION", narrowest: 16), .. VersionColumns])
                    .AddAll(dataset.Versions.Select(version =>
                    version.Deleted is { } at
                        ? [new($"{version}", "dim"), "", "", "", new($"deleted {Format.Ago(at, session.Output.Now)}", "dim"), ""]
                        : (Cell[])[new($"{version}", "bold"), .. Row(version, session.Output)])));
                return;
            }

            var one = await Version(session, which, cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(one);
                return;
            }

            session.Output.Line($"[bold]{one}[/]  {Size(DatasetVersionInfo.Of(one))}  {one.Sha256}");
            var from = (one.By is { } by ? $" by {by}" : "") + (one.Folder is { } folder ? $" from {folder}" : "");
            session.Output.Line($"[dim]published {Format.Ago(one.Created, session.Output.Now)}{from}[/]");
            session.Output.Write(
                new Listing(Column.Number("SIZE", 1), Column.Word("HASH", 3), Column.Word("FROM RUN", 2), Column.Text("PATH", narrowest: 20))
                .AddAll(one.Files.Select(file => new Cell[]
                {
                    Format.Bytes(file.LengthBytes), new(file.Sha256[..HashShown], "dim"),
                    new(file.Run is { } run ? Format.ShortId(run) : "", "blue"), file.Path,
                })));
        });
    }

    private static Verb Diff(World world)
    {
        var (from, to) = (Reference("The earlier version", "A"), Reference("The later version", "B"));
        return new Verb("diff", "Show which files differ between two versions") { Examples = ["exp dataset diff digits:1 digits:latest"] }.With(from,
            to).Does(world, async (session, cancel) =>
        {
            var diff = DatasetDiff.Between(await Version(session, from, cancel), await Version(session, to, cancel));
            if (session.Output.Json)
            {
                Output.WriteJson(diff);
                return;
            }

            session.Output.Write(Listing.Untitled(Column.Text("path")).AddAll(diff.Files.Select(file => new[] { Changed(file) })));
            var bytes = (diff.Bytes < 0 ? "-" : "+") + Format.Bytes(Math.Abs(diff.Bytes));
            session.Output.Remark($"{diff.From} → {diff.To}: {Count(diff.Files.Count)} changed, {bytes}");
        });
    }

    private static Cell Changed(FileChange file) => file.Change switch
    {
        FileChangeKind.Added => new(file.Path, "green", Lead: "+ "),
        FileChangeKind.Removed => new(file.Path, "red", Lead: "- "),
        FileChangeKind.Changed => new(file.Path, "yellow", Lead: "~ "),
    };

    private static Verb Get(World world)
    {
        var which = Reference("The version");
        var folder = new Argument<string>("FOLDER")
        {
            Description = "Folder to write to [./NAME]", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => "",
        };
        return new Verb("get", "Download a version's files") { Examples = ["exp dataset get digits:latest",
            "exp dataset get digits:3 /tmp/digits"] }.With(which, folder).Does(world, async (session, cancel) =>
        {
            var version = await Version(session, which, cancel);
            var to = session.Get(folder) is { Length: > 0 } given ? given : version.Name;
            await Transfers.Run(session.Output, $"Got {version} into {to}",
                [.. version.Files.Select(file => new Transfer.Transfer(file.Path, file.LengthBytes, (moved, stop) =>
                Transfers.Save(open => session.Api.OpenDatasetFile(version, file, open), Transfers.Below(to, file.Path), moved, stop)))], cancel);
            if (session.Output.Json) Output.WriteJson(version.Files.Select(file => Transfers.Below(to, file.Path)).ToList());
        });
    }

    private static Verb Delete(World world)
    {
        var which = Reference("The version");
        var force = new Option<bool>("--force", "-f") { Description = "Delete even if runs used it" };
        return new Verb("delete", "Delete a version; its number is not used again") { Examples = ["exp dataset delete digits:1"] }.With(which, force)
            .Does(world, async (session, cancel) =>
        {
            var version = await Version(session, which, cancel);
            await session.Api.DeleteDataset(version, session.Get(force), cancel);
            if (session.Output.Json) Output.WriteJson(version);
            else session.Output.Line($"Deleted {version}");
        });
    }

    private static Argument<string> Reference(string description, string name = "DATASET") =>
        new(name) { Description = $"{description}: {DatasetReference.Wanted}" };

    private static Task<DatasetVersion> Version(Session session, Argument<string> which, CancellationToken cancel)
    {
        var reference = Parsed(session.Get(which));
        return session.Api.GetDataset(reference.Name, reference.Hash ?? reference.Number?.ToString(CultureInfo.InvariantCulture) ?? "latest", cancel);
    }

    private static DatasetReference Parsed(string text) => DatasetReference.Parse(text) ?? throw ExpException.Usage(DatasetReference.Problem(text));

    private static Column[] VersionColumns =>
        [Column.Number("FILES", 5), Column.Number("SIZE", 1), Column.Word("HASH", 6), Column.Number("PUBLISHED", 2), Column.Text("FROM", 3)];

    private static Cell[] Row(DatasetVersionInfo version, Output output) =>
    [
        $"{version.Files}", Format.Bytes(version.LengthBytes), new(version.Sha256[..HashShown], "dim"),
        new(Format.Ago(version.Created, output.Now), "dim"),
        version.Folder ?? (version.By is { } by ? $"sent by {by}" : "sent"),
    ];

    private static string Size(DatasetVersionInfo version) => $"{Count(version.Files)}, {Format.Bytes(version.LengthBytes)}";

    private static string Count(int files) => $"{files} {(files == 1 ? "file" : "files")}";
}
