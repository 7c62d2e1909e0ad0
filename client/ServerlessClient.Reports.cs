using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>Makes a report of runs, kept in the workspace.</summary>
    public Task<ReportInfo> CreateReport(ReportRequest request, CancellationToken cancel = default) =>
        Send<ReportInfo>(Call.Post("api/reports", Call.Json(request)), cancel);

    /// <summary>A page of reports, newest first.</summary>
    /// <param name="limit">1 to 1,000; null: the platform's default.</param>
    /// <param name="after"><see cref="ReportList.Next"/> of the page before.</param>
    public Task<ReportList> ListReports(int? limit = null, string? after = null, CancellationToken cancel = default) =>
        Get<ReportList>("api/reports" + Query(("limit", Text(limit)), ("after", after)), cancel);

    /// <summary>A report's title, runs and files.</summary>
    public Task<ReportInfo> GetReport(string id, CancellationToken cancel = default) =>
        Send<ReportInfo>(Call.Get($"api/reports/{Escaped(id)}") with { Accept = "application/json" }, cancel);

    /// <summary>One of a report's files.</summary>
    /// <param name="file">One of <see cref="ReportInfo.Files"/>.</param>
    public Task<Stream> OpenReportFile(string id, string file, CancellationToken cancel = default) =>
        Open($"api/reports/{Escaped(id)}/{Escaped(file)}", resumes: true, isVerified: false, cancel);
}
