using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Core.Reports;

namespace Serverless.Cli;

static class ReportCommand
{
    private const string Markdown = "report.md";

    public static Verb Create(World world)
    {
        var names = RunNames.Arguments();
        var title = new Option<string?>("--title") { Description = "Title of the report [the names of the experiments]", HelpName = "TEXT" };
        var to = new Option<string?>("--to") { Description = "Folder to write it to; - prints the Markdown [./report-ID]", HelpName = "DIR" };
        return new Verb("report", "Create a report of runs in HTML and Markdown, with tables, curves and plots")
        {
            Examples = ["exp report last", "exp report prune-mlp prune-cnn baseline-mlnet --title 'Pruning digits'",
                "exp report 7XK2QA M3PPZ1 --to -"],
        }.With(names, title, to).Does(world, async (session, cancel) =>
        {
            var ids = new List<string>();
            foreach (var name in session.Get(names)) ids.Add(await RunNames.Find(session.Api, name, cancel));
            var report = await session.Api.CreateReport(new(ids.Distinct().ToList(), session.Get(title)), cancel);
            if (session.Get(to) == "-")
            {
                await using var markdown = await session.Api.OpenReportFile(report.Id, Markdown, cancel);
                await using var output = StandardOutput.Open();
                await markdown.CopyToAsync(output, cancel);
                return;
            }

            var folder = session.Get(to) ?? $"report-{Format.ShortId(report.Id)}";
            await Save(session.Api, report, folder, cancel);
            if (session.Output.Json) Output.WriteJson(report);
            else session.Output.Line($"[bold]{report.Title}[/]  {Path.Combine(folder, "report.html")}");
        });
    }

    private static async Task Save(ServerlessClient api, ReportInfo report, string folder, CancellationToken cancel)
    {
        foreach (var file in report.Files)
        {
            await Transfers.Save(open => api.OpenReportFile(report.Id, file, open), Transfers.Below(folder, file), null, cancel);
        }
    }
}
