namespace Serverless.Core.Reports;

/// <summary>What became of the runs' checks, those that failed first.</summary>
static class ChecksSection
{
    private const int MaxRows = 200;

    public static ReportSection? Of(IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels)
    {
        var checks = runs.Index().SelectMany(at => at.Item.Run.Checks.Select(check => (Label: labels[at.Index], Check: check)))
            .OrderBy(row => row.Check.Passed).ToList();
        if (checks.Count == 0) return null;
        List<ReportBlock> blocks =
        [
            new ReportBlock.Table(
                [new("run"), new("metric"), new("wanted", Numeric: true), new("value", Numeric: true), new("check")],
                [.. checks.Take(MaxRows).Select(row => (IReadOnlyList<string>)
                [
                    row.Label, row.Check.Metric, row.Check.Range, row.Check.Value is { } value ? ReportText.Number(value) : "no value",
                    row.Check.Passed ? "passed" : "failed",
                ])]),
        ];
        if (checks.Count > MaxRows)
        {
            var failed = checks.Skip(MaxRows).Count(row => !row.Check.Passed);
            blocks.Add(new ReportBlock.Paragraph($"{checks.Count - MaxRows} more checks are not shown, {failed} of them failed."));
        }

        return new("Checks", blocks);
    }
}
