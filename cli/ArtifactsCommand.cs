using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Core.Spec;
using Serverless.Core.Storage;

namespace Serverless.Cli;

static class ArtifactsCommand
{
    public static Verb Create(World world) => new Verb("artifacts", "List and download a run's artifacts").With(List(world), Get(world));

    private static Verb List(World world)
    {
        var name = RunNames.Argument();
        return new Verb("ls", "List a run's artifacts") { Examples = ["exp artifacts ls last"] }.With(name).Does(world, async (session, cancel) =>
        {
            if (!session.Output.Json) Output.WarmUp();
            var answer = await session.Api.GetArtifacts(await session.FindRun(name, cancel), cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(answer);
                return;
            }

            if (answer.Artifacts.Count == 0) session.Output.Remark($"No artifacts{(answer.Live ? " yet" : "")}.");
            session.Output.Write(new Listing(Column.Number("SIZE", 1), Column.Text("PATH", narrowest: 20))
                .AddAll(answer.Artifacts.Select(file => new Cell[] { new(Format.Bytes(file.LengthBytes), "dim"), file.Path })));
        });
    }

    private static Verb Get(World world)
    {
        var name = RunNames.Argument();
        var paths = new Argument<string[]>("PATH")
        {
            Description = "Files, or folders with everything in them [all]", Arity = ArgumentArity.ZeroOrMore,
        };
        var to = new Option<string?>("--to") { Description = "Folder to write to; - prints a single file [./RUN]", HelpName = "DIR" };
        return new Verb("get", "Download a run's artifacts")
        {
            Examples = ["exp artifacts get last", "exp artifacts get 7XK2QA plots/loss.png --to .", "exp artifacts get last table.csv --to -"],
        }.With(name, paths, to).Does(world, async (session, cancel) =>
        {
            var run = await session.FindRun(name, cancel);
            var wanted = session.Get(paths);
            var all = (await session.Api.GetArtifacts(run, cancel)).Artifacts;
            if (wanted.Where(path => !all.Any(file => IsIn(file.Path, path))).ToList() is { Count: > 0 } missing)
            {
                var which = missing.Select(path => $"'{path}'{Suggestion.Clause(path, all.Select(file => file.Path))}");
                throw ExpException.NotFound($"the run has no artifact {string.Join(", ", which)}; see: exp artifacts ls {Format.ShortId(run)}");
            }

            var chosen = all.Where(file => wanted.Length == 0 || wanted.Any(path => IsIn(file.Path, path))).ToList();
            if (chosen.Count == 0) throw ExpException.NotFound($"run {Format.ShortId(run)} has no artifacts");
            if (session.Get(to) == "-")
            {
                if (chosen is not [var one]) throw ExpException.Usage($"--to - prints one file; name one of the {chosen.Count}");
                await using var content = await session.Api.OpenArtifact(run, one, cancel);
                await using var output = StandardOutput.Open();
                try
                {
                    await content.CopyToAsync(output, cancel);
                }
                catch (Exception e) when (Transfers.Broken(e, one.Path) is { } broken)
                {
                    throw broken;
                }

                return;
            }

            var folder = session.Get(to) ?? Format.ShortId(run);
            await Transfers.Run(session.Output, $"Got into {folder}", [.. chosen.Select(file => new Transfer.Transfer(
                file.Path, file.LengthBytes, (moved, stop) =>
                Transfers.Save(open => session.Api.OpenArtifact(run, file, open), Transfers.Below(folder, file.Path), moved, stop)))], cancel);
            if (session.Output.Json) Output.WriteJson(chosen.Select(file => Transfers.Below(folder, file.Path)).ToList());
        });
    }

    private static bool IsIn(string file, string path) =>
        file == path.TrimEnd('/') || file.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal);
}
