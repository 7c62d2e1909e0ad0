namespace Serverless.Client;

/// <summary>Body of <c>POST /api/reports</c>.</summary>
/// <param name="Title">At most 200 characters; null: named after the runs' experiments.</param>
/// <param name="Runs">Ids, 1–100, in the order in which the report shows them.</param>
public sealed record ReportRequest(IReadOnlyList<string>? Runs, string? Title = null);

/// <summary>201 of <c>POST /api/reports</c>; also <c>reports/{id}/report.json</c>.</summary>
/// <param name="Files">Names in the report's folder: <c>report.html</c>, <c>report.md</c> and the plots that the latter shows.</param>
public sealed record ReportInfo(string Id, string Title, DateTimeOffset Created, IReadOnlyList<string> Runs, IReadOnlyList<string> Files);

/// <summary><c>GET /api/reports</c>, newest first.</summary>
public sealed record ReportList(IReadOnlyList<ReportSummary> Reports, string? Next, IReadOnlyList<DamagedRecord>? Damaged = null);

public sealed record ReportSummary(string Id, string Title, DateTimeOffset Created);
