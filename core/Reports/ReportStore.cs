using System.Text;
using System.Text.Json;
using Serverless.Core.Metrics;
using Serverless.Core.Outputs;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Reports;

/// <summary>What became of a wish for a report.</summary>
public abstract record ReportResult
{
    private ReportResult() { }

    public sealed record Made(ReportInfo Report) : ReportResult;

    public sealed record Invalid(IReadOnlyList<Problem> Problems) : ReportResult;
}

/// <summary>Makes reports of runs as they are now and keeps them under <c>reports/{id}/</c>; a report never changes.</summary>
public sealed class ReportStore(IObjectStore store, IChartDrawing drawing, IIds ids)
{
    public const int MaxRuns = 100, MaxTitleLength = 200;
    public const string Html = "report.html", Markdown = "report.md";

    /// <summary>Twice the width of a plot: more could not be seen. Many runs share it.</summary>
    private const int PointsPerCurve = 1600, FewestPoints = 100, PointsOfAllRuns = 16_000;

    private const string Summary = "summary";

    private readonly RunStore runs = new(store);
    private readonly MetricsReader metrics = new(store);
    private readonly RunOutputs outputs = new(store);

    public async Task<ReportResult> Make(ReportRequest request, CancellationToken cancel = default)
    {
        var wanted = (request.Runs ?? []).Select(id => id ?? "").Distinct(StringComparer.Ordinal).ToList();
        var problems = Check(request, wanted);
        if (problems.Count > 0) return new ReportResult.Invalid(problems);

        var loaded = new List<StoredRun>();
        for (var i = 0; i < wanted.Count; i++)
        {
            if (await Load(wanted[i], cancel) is { } run) loaded.Add(run);
            else problems.Add(new($"runs[{i}]", $"there is no run '{wanted[i]}'"));
        }

        if (problems.Count > 0) return new ReportResult.Invalid(problems);
        var curves = new CurveChoice();
        foreach (var run in loaded) curves.Add((await metrics.Read(run.Run, new([], MaxPoints: 4), cancel)).Series);
        var (plotted, _) = curves.Names(MetricOrder.Of(loaded.Select(run => run.Run)));
        var reported = new List<ReportedRun>();
        IReadOnlyList<string> declared = [.. loaded.SelectMany(run => run.Run.Spec.Report).Where(plot => plot.Results is null)
            .SelectMany(plot => plot.Series).Select(series => series.Y)];
        var query = new MetricsQuery(
            [.. plotted.Union(declared)], MaxPoints: Math.Clamp(PointsOfAllRuns / loaded.Count, FewestPoints, PointsPerCurve));
        foreach (var run in loaded) reported.Add(await Read(run.Run, query, cancel));
        return new ReportResult.Made(
            await Write(ReportComposer.Compose(ids.NewestFirst(), request.Title, loaded[^1].Now, reported, curves), wanted, cancel));
    }

    /// <summary>Null when there is no such report.</summary>
    public static Task<ReportInfo?> Find(IObjectStore store, string id, CancellationToken cancel = default) =>
        store.Find<ReportInfo>(WorkspacePaths.ReportInfo(id), cancel);

    /// <param name="limit">At least 1.</param>
    /// <param name="after">The last report of the page before.</param>
    public async Task<ReportList> List(int limit, string? after = null, CancellationToken cancel = default)
    {
        var reports = await store.Records<ReportSummary>(
            WorkspacePaths.Reports, key => WorkspacePaths.ReportIdOf(key) is not null, stored => SummaryOf(stored, cancel),
            after is null ? null : WorkspacePaths.ReportInfo(after), cancel).Collect(limit);
        return new(reports.Found, reports.HasMore ? reports.Found[^1].Id : null, DamagedRecord.Listed(reports.Damaged));
    }

    private static ProblemList Check(ReportRequest request, List<string> wanted)
    {
        ProblemList problems = [];
        if (wanted.Count == 0) problems.Add(new("runs", "name at least one run"));
        if (wanted.Count > MaxRuns) problems.Add(new("runs", $"at most {MaxRuns} runs fit a report; {wanted.Count} are named"));
        if (request.Title?.Length > MaxTitleLength)
        {
            problems.Add(new("title", $"at most {MaxTitleLength} characters; this has {request.Title.Length}"));
        }

        if (request.Title?.Any(char.IsControl) == true) problems.Add(new("title", "has a control character; it is one line"));
        return problems;
    }

    private async Task<StoredRun?> Load(string id, CancellationToken cancel) =>
        ObjectKey.Problem(id) is null && !id.Contains('/', StringComparison.Ordinal) ? await runs.Load(id, cancel) : null;

    private async Task<ReportedRun> Read(RunRecord run, MetricsQuery query, CancellationToken cancel)
    {
        var results = new Dictionary<string, ResultsFile>(StringComparer.Ordinal);
        foreach (var name in ReportedRun.WantedResults(run))
        {
            if (await outputs.Artifact(run, name, cancel) is { LengthBytes: <= ResultsFile.MaxBytes } file
                && await store.Get(file.Key, cancel: cancel) is { } content
                && ResultsFile.Read(name, content.Body) is { } result) results[name] = result;
        }

        if (query.Names.Count == 0) return new(run, []) { Results = results };
        var read = await metrics.Read(run, query, cancel);
        return new(run, read.Series) { Results = results, Problems = read.Problems };
    }

    private async Task<ReportInfo> Write(Report report, IReadOnlyList<string> runIds, CancellationToken cancel)
    {
        List<string> files = [Html, Markdown];
        var light = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var chart in report.Sections.SelectMany(section => section.Blocks).OfType<ReportBlock.Picture>().Select(picture => picture.Chart))
        {
            files.Add($"{chart.Name}.png");
            await store.Put(WorkspacePaths.Report(report.Id, files[^1]), light[chart.Name] = drawing.Png(chart, ChartTheme.Light), cancel: cancel);
        }

        await store.Put(WorkspacePaths.Report(report.Id, Markdown), Encoding.UTF8.GetBytes(MarkdownReport.Write(report)), cancel: cancel);
        var html = HtmlReport.Write(report, (chart, theme) => theme == ChartTheme.Light ? light[chart.Name] : drawing.Png(chart, theme));
        await store.Put(WorkspacePaths.Report(report.Id, Html), Encoding.UTF8.GetBytes(html), cancel: cancel);
        var info = new ReportInfo(report.Id, report.Title, report.Created, runIds, files);
        var summary = JsonSerializer.Serialize(new ReportSummary(info.Id, info.Title, info.Created), CoreJson.Options);
        await store.PutJson(
            WorkspacePaths.ReportInfo(report.Id), info, metadata: new Dictionary<string, string> { [Summary] = summary }, cancel: cancel);
        return info;
    }

    private async ValueTask<(ReportSummary? Summary, DamagedRecord? Damage)> SummaryOf(StoredObject stored, CancellationToken cancel)
    {
        if (RecordFormat.Summary<ReportSummary>(stored.Metadata, Summary) is { } summary) return (summary, null);
        var read = await store.Read<ReportInfo>(stored.Key, cancel);
        return (read.Found is { Record: var info } ? new(info.Id, info.Title, info.Created) : null, read.Damage);
    }
}
