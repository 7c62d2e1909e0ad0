using System.CommandLine;
using Microsoft.Extensions.Logging;
using Serverless.Cli.Client;
using Serverless.Cli.Demo;
using Serverless.Cli.Platform;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Telemetry;
using Spectre.Console;

namespace Serverless.Cli;

static class DemoCommand
{
    public static Verb Create(World world)
    {
        var workers = new Option<int>("--workers") { Description = "Worker processes", HelpName = "N", DefaultValueFactory = _ => 2 };
        var keep = new Option<bool>("--keep") { Description = "Leave the platform up afterwards, until Ctrl-C" };
        var quick = new Option<bool>("--quick") { Description = "Train for a moment only, to see everything without meaningful results" };
        return new Verb("demo",
            "Run a study from start to end, about two minutes: an experiment, the one that its trigger starts, a baseline, and a report")
        {
            Examples = ["exp demo", "exp demo --keep", "exp demo --data ./.exp   # digits of your own in ./.exp/workspace/data/digits/ are used"],
        }.With(workers, keep, quick).Does(world, (session, cancel) => Run(
            session, session.Get(workers) is >= 1 and <= 64 and var n ? n : throw ExpException.Usage("--workers: a number from 1 to 64"),
            session.Get(keep), session.Get(quick), cancel));
    }

    private static async Task<ExitCode> Run(Session session, int workers, bool keep, bool quick, CancellationToken cancel)
    {
        var output = session.Output;
        var began = session.World.Time.GetTimestamp();
        var data = new DataFolder(session.Get(Session.DataOption) ?? Directory.CreateTempSubdirectory("exp-demo-").FullName);
        var options = new PlatformOptions { Data = data, Port = keep ? null : 0, Workers = workers };
        await using var platform = await LocalPlatform.Start(
            options, session.World, new(output, session.World.Time, LogLevel.Warning, LogFormat.Text), cancel);
        using var api = session.Connect(new(platform.Address, data.ReadKey(), data.Path));
        var with = $"{workers} worker {(workers == 1 ? "process" : "processes")}";
        output.Remark($"[bold green]exp[/] is up at [bold]{platform.Address}[/] with {with}; everything is kept in {data.Path}");

        var experiments = new DemoExperiments(api, output, session.World.Time, quick);
        var ids = await experiments.Submit(cancel);
        var left = (FormattableString)$"Stopping. What has not ended goes on with: [bold]exp up --data {Shell.Quoted(data.Path)}[/]";
        var runs = await UntilEnded(ids);
        var reports = Path.Combine(data.Path, "workspace", "reports");
        if (runs[0].State == RunState.Succeeded)
        {
            var first = await api.CreateReport(new([ids[0]], $"Pruning digits: {runs[0].Experiment}"), cancel);
            var next = await experiments.FollowOn(ids[0], cancel);
            if (!output.Json) output.Out.WriteLine();
            output.Remark($"Report of {runs[0].Experiment}: {Path.Combine(reports, first.Id, ReportStore.Html)}");
            output.Remark($"Trigger [bold]{DemoExperiments.Trigger}[/] followed it with run {next.Id}; it goes on by itself");
            ids = [ids[0], next.Id, .. ids.Skip(1)];
            runs = await UntilEnded(ids);
        }

        var report = await api.CreateReport(new(ids, "Pruning digits"), cancel);
        var code = runs.All(run => run.State == RunState.Succeeded) ? ExitCode.Success : ExitCode.RunFailed;
        if (output.Json) Output.WriteJson(report);
        else await DemoSummary.Show(api, output, runs, report, Path.Combine(reports, report.Id), session.World.Time.GetElapsedTime(began), cancel);
        if (keep) await Keep(output, platform, data, cancel);
        return code;

        async Task<IReadOnlyList<RunRecord>> UntilEnded(IReadOnlyList<string> all)
        {
            var watching = new RunWatch(api, output, session.World.Time).UntilEnded(all, cancel, left);
            await Task.WhenAny(watching, platform.Completion);
            if (!watching.IsCompleted) await platform.Completion;
            return await watching;
        }
    }

    private static async Task Keep(Output output, LocalPlatform platform, DataFolder data, CancellationToken cancel)
    {
        var next = $"exp list --data {Shell.Quoted(data.Path)}";
        output.Remark($"The platform stays up at [bold]{platform.Address}[/]. In another terminal: [bold]{next}[/]   [dim]Ctrl-C stops it.[/]");
        try
        {
            await platform.Completion.WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // This is how it was meant to end.
        }
    }
}
