using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Spectre.Console;
using Column = Serverless.Cli.Terminal.Column;

namespace Serverless.Cli.Demo;

/// <summary>What the demo ends with: the report's own table of accuracies, and where the rest is.</summary>
static class DemoSummary
{
    public static async Task Show(
        ServerlessClient api, Output output, IReadOnlyList<RunRecord> runs, ReportInfo report, string folder, TimeSpan elapsed,
        CancellationToken cancel)
    {
        var reported = new List<ReportedRun>();
        foreach (var run in runs) reported.Add(new(run, []) { Results = await Results(api, run, cancel) });
        var declared = runs.SelectMany(run => run.Spec.Report).Select(plot => plot.Title).ToHashSet();
        var accuracies = ReportComposer.Compose(report.Id, report.Title, report.Created, reported)
            .Sections.FirstOrDefault(section => declared.Contains(section.Heading));
        if (accuracies?.Blocks.OfType<ReportBlock.Table>().FirstOrDefault() is { } table)
        {
            output.Out.WriteLine();
            output.Write(new Listing([.. table.Columns.Select((column, i) => Of(column, rank: i))])
                .AddAll(table.Rows.Select(row => row.Select(text => new Cell(text)).ToArray())));
        }

        output.Out.WriteLine();
        File("report", ReportStore.Html);
        File("markdown", ReportStore.Markdown);
        foreach (var plot in report.Files.Where(file => file.EndsWith(".png", StringComparison.Ordinal))) File("plot", plot);
        output.Out.WriteLine();
        var failed = runs.Where(run => run.State != RunState.Succeeded).ToList();
        foreach (var run in failed) output.Line($"[red]{Format.Sign(run.State)} {run.Experiment}[/]: {run.Message ?? Format.State(run.State)}");
        if (failed.Count == 0) output.Line($"[green]✓[/] {runs.Count} runs in {Format.Duration(elapsed)}");
        else output.Line($"[red]{failed.Count} of {runs.Count} runs did not succeed[/] in {Format.Duration(elapsed)}");

        // Paths are there to be copied: never shortened, and broken by the terminal only.
        void File(string what, string file) => StandardOutput.WriteLine($"{what,-8}  {Path.Combine(folder, file)}");

        static Column Of(Serverless.Core.Reports.Column column, int rank) =>
            column.Numeric ? Column.Number(column.Name.ToUpperInvariant(), rank) : Column.Text(column.Name.ToUpperInvariant(), rank);
    }

    private static async Task<Dictionary<string, ResultsFile>> Results(ServerlessClient api, RunRecord run, CancellationToken cancel)
    {
        var results = new Dictionary<string, ResultsFile>();
        var there = (await api.GetArtifacts(run.Id, cancel)).Artifacts.ToDictionary(file => file.Path);
        foreach (var name in ReportedRun.WantedResults(run).Where(there.ContainsKey))
        {
            await using var content = await api.OpenArtifact(run.Id, there[name], cancel);
            using var bytes = new MemoryStream();
            await content.CopyToAsync(bytes, cancel);
            if (ResultsFile.Read(name, bytes.ToArray()) is { } result) results[name] = result;
        }

        return results;
    }
}
