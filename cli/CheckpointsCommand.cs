using System.CommandLine;
using System.Globalization;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Cli.Watch;
using Serverless.Core.Outputs;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Cli;

static class CheckpointsCommand
{
    public static Verb Create(World world) => new Verb("checkpoints", "List and download a run's checkpoints").With(List(world), Get(world));

    private static Verb List(World world)
    {
        var name = RunNames.Argument();
        return new Verb("ls", "List a run's checkpoints") { Examples = ["exp checkpoints ls last"] }.With(name).Does(world, async (session, cancel) =>
        {
            if (!session.Output.Json) Output.WarmUp();
            var answer = await session.Api.GetCheckpoints(await session.FindRun(name, cancel), cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(answer);
                return;
            }

            if (answer.Checkpoints.Count == 0) session.Output.Remark($"No checkpoints.");
            session.Output.Write(Table(answer, session.Output.Now));
        });
    }

    private static Listing Table(CheckpointList answer, DateTimeOffset now) =>
        new Listing(
            Column.Number("STEP"), Column.Number("SIZE", 3), Column.Number("SAVED", 2), Column.Number("ATTEMPT", 4),
            Column.Text("METRICS", 1, narrowest: 16), Column.Word(""))
        .AddAll(answer.Checkpoints.Select(one => new Cell[]
        {
            new($"{one.Step}", "bold"), Format.Bytes(one.LengthBytes), new(Format.Ago(one.At, now), "dim"), new($"{one.Epoch}", "dim"),
            RunView.Values(one.Values), new(one.Manifest == answer.Head ? "← newest" : "", "green"),
        }));

    private static Verb Get(World world)
    {
        var name = RunNames.Argument();
        var which = new Argument<string>("WHICH")
        {
            Description = $"{CheckpointChoice.Wanted} [last]", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => "last",
        };
        var to = new Option<string?>("--to") { Description = "Folder to write to [./RUN-STEP]", HelpName = "DIR" };
        return new Verb("get", "Download a checkpoint; weights are safetensors, which PyTorch opens")
        {
            Examples = ["exp checkpoints get last", "exp checkpoints get prune-mlp best --to weights"],
        }.With(name, which, to).Does(world, async (session, cancel) =>
        {
            var choice = CheckpointChoice.Parse(session.Get(which))
                ?? throw ExpException.Usage($"'{session.Get(which)}' is not a checkpoint; give {CheckpointChoice.Wanted}");
            var run = await session.Api.GetRun(await session.FindRun(name, cancel), cancel);
            var (chosen, problem) = choice.From(run, new Dictionary<string, string>());
            if (chosen is null) throw ExpException.NotFound(problem!);
            var manifest = await session.Api.GetCheckpoint(run.Id, chosen.Step, cancel);
            var folder = session.Get(to) ?? string.Create(CultureInfo.InvariantCulture, $"{Format.ShortId(run.Id)}-{chosen.Step}");
            await Transfers.Run(
                session.Output, $"Got step {chosen.Step} into {folder}",
                [.. manifest.Files.Select(file => Fetch(session, run, chosen.Step, file, folder))], cancel);
            if (session.Output.Json) Output.WriteJson(manifest.Files.Select(file => Transfers.Below(folder, file.Path)).ToList());
        });
    }

    private static Transfer.Transfer Fetch(Session session, RunRecord run, long step, CheckpointFile file, string folder) =>
        new(file.Path, file.LengthBytes, (moved, stop) =>
            Transfers.Save(
                open => session.Api.OpenCheckpointFile(run.Id, step, file, open), Transfers.Below(folder, file.Path), moved, stop));
}
