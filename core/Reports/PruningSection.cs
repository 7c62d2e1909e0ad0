namespace Serverless.Core.Reports;

/// <summary>Accuracy against sparsity, when runs left a <see cref="PruningResult"/>: a table and a plot, with unpruned models as horizontal lines.</summary>
static class PruningSection
{
    public const string Heading = "Accuracy against sparsity";

    public static ReportSection? Of(IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels, ISet<string> taken)
    {
        var results = runs.Index().Where(at => at.Item.Pruning is not null).Select(at => (at.Index, Label: labels[at.Index], Result: at.Item.Pruning!, at.Item.Duration)).ToList();
        if (results.Count == 0) return null;

        var sparsities = results.SelectMany(run => run.Result.Rows).Select(row => row.Sparsity).Distinct().Order().ToList();
        var table = new ReportBlock.Table(
            [new("run"), new("model"), new("dense", Numeric: true), .. sparsities.Select(at => new Column(Percent(at), Numeric: true)), new("weights", Numeric: true), new("time", Numeric: true)],
            [.. results.Select(run => (IReadOnlyList<string>)
            [
                run.Label, run.Result.Model ?? ReportText.Nothing, ReportText.Percent(run.Result.Accuracy),
                .. sparsities.Select(at => ReportText.Percent(run.Result.Rows.FirstOrDefault(row => row.Sparsity == at)?.After)),
                Weights(run.Result),
                ReportText.Duration(run.Result.Seconds is { } seconds ? TimeSpan.FromSeconds(seconds) : run.Duration),
            ])]);

        List<ReportBlock> blocks = [table];
        if (results.Select(run => run.Result.Data).Distinct().ToList() is [{ Length: > 0 } data]) blocks.Insert(0, new ReportBlock.Paragraph($"Data: {data}."));
        if (sparsities.Count > 0)
        {
            blocks.Insert(0, new ReportBlock.Paragraph("Test accuracy of the whole model and, after fine-tuning, with the given share of its weights set to zero."));
            blocks.Add(new ReportBlock.Picture(Plot(results.Select(run => (run.Index, run.Label, run.Result)).ToList(), sparsities, taken)));
        }

        return new(Heading, blocks);
    }

    private static Chart Plot(List<(int Index, string Label, PruningResult Result)> results, List<double> sparsities, ISet<string> taken)
    {
        var pruned = results.Where(run => run.Result.Rows.Count > 0).ToList();
        var lines = pruned.SelectMany(run => new[]
        {
            new ChartLine($"{run.Label}, fine-tuned", run.Index, [(0, run.Result.Accuracy), .. run.Result.Rows.Where(row => row.Sparsity > 0).Select(row => (row.Sparsity, row.After))], Markers: true),
            new ChartLine($"{run.Label}, just pruned", run.Index, [(0, run.Result.Accuracy), .. run.Result.Rows.Where(row => row.Sparsity > 0).Select(row => (row.Sparsity, row.Before))], Markers: true, Dashed: true),
        }).ToList();
        return new(ReportText.FileName("accuracy-against-sparsity", taken), Heading, "weights set to zero", "test accuracy", lines)
        {
            Levels = [.. results.Where(run => run.Result.Rows.Count == 0).Select(run => new ChartLevel(run.Label, run.Index, run.Result.Accuracy))],
            XTicks = [0, .. sparsities.Where(at => at > 0)],
            Percent = true,
        };
    }

    /// <summary>From the whole model to the sparsest.</summary>
    private static string Weights(PruningResult result) => result.Rows is [.., { Nonzero: { } left }]
        ? $"{ReportText.Count(result.Parameters)} → {ReportText.Count(left)}"
        : ReportText.Count(result.Parameters);

    private static string Percent(double fraction) => (fraction * 100).ToString("0.#", System.Globalization.CultureInfo.InvariantCulture) + " %";
}
