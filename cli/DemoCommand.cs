using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Demo;
using Serverless.Cli.Platform;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;
using Serverless.Core.Runs;

namespace Serverless.Cli;

static class DemoCommand
{
    public static Verb Create(World world)
    {
        var workers = new Option<int>("--workers") { Description = "Worker processes", HelpName = "N", DefaultValueFactory = _ => 2 };
        var keep = new Option<bool>("--keep") { Description = "Leave the platform up afterwards, until Ctrl-C" };
        var quick = new Option<bool>("--quick") { Description = "Train for a moment only: the results mean nothing, everything is shown" };
        return new Verb("demo", "See everything work: three experiments on two workers, a table, plots and a report; some two minutes")
        {
            Examples = ["exp demo", "exp demo --keep", "exp demo --data ./.exp   # digits of your own in ./.exp/workspace/data/digits/ are used"],
        }.With(workers, keep, quick).Does(world, (session, cancel) => Run(
            session, session.Get(workers) is >= 1 and <= 64 and var n ? n : throw ExpException.Usage("--workers: a number from 1 to 64"), session.Get(keep), session.Get(quick), cancel));
    }

    private static async Task<ExitCode> Run(Session session, int workers, bool keep, bool quick, CancellationToken cancel)
    {
        var output = session.Output;
        var began = session.World.Time.GetTimestamp();
        var data = new DataFolder(session.Get(Session.DataOption) ?? Directory.CreateTempSubdirectory("exp-demo-").FullName);
        var options = new PlatformOptions { Data = data, Port = keep ? null : 0, Workers = workers };
        await using var platform = await LocalPlatform.Start(options, session.World.Ids, session.World.Time, line => output.Remark($"[dim]{line}[/]"), cancel);
        await using var hurry = session.World.Interrupts.Second.Register(platform.Abort);
        using var api = new ApiClient(new(platform.Address, data.ReadKey(), data.Path));
        output.Remark($"[bold green]exp[/] is up at [bold]{platform.Address}[/] with {workers} worker {(workers == 1 ? "process" : "processes")}; everything is kept in {data.Path}");

        var ids = await DemoExperiments.Submit(api, output, quick, cancel);
        var watch = new RunWatch(api, output, session.World.Time);
        var watching = watch.UntilEnded(ids, cancel, $"Stopping. What has not ended goes on with: [bold]exp up --data {data.Path}[/]");
        await Task.WhenAny(watching, platform.Completion);
        if (!watching.IsCompleted) await platform.Completion;
        var runs = await watching;

        var report = await api.CreateReport(new(ids, "Pruning digits"), cancel);
        var folder = Path.Combine(data.Path, "workspace", "reports", report.Id);
        var code = runs.All(run => run.State == RunState.Succeeded) ? ExitCode.Success : ExitCode.RunFailed;
        if (output.Json) Output.WriteJson(report);
        else await DemoSummary.Show(api, output, runs, report, folder, session.World.Time.GetElapsedTime(began), cancel);
        if (keep) await Keep(output, platform, data, cancel);
        return code;
    }

    private static async Task Keep(Output output, LocalPlatform platform, DataFolder data, CancellationToken cancel)
    {
        output.Remark($"The platform stays up at [bold]{platform.Address}[/]. In another terminal: [bold]exp list --data {data.Path}[/]   [dim]Ctrl-C stops it.[/]");
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
