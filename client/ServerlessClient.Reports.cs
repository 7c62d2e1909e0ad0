using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>Makes a report of runs, kept in the workspace.</summary>
    public Task<ReportInfo> CreateReport(ReportRequest request, CancellationToken cancel = default) => Send<ReportInfo>(Call.Post("api/reports", Call.Json(request)), cancel);

    /// <summary>One of a report's files.</summary>
    /// <param name="file">One of <see cref="ReportInfo.Files"/>.</param>
    public Task<Stream> OpenReportFile(string id, string file, CancellationToken cancel = default) =>
        Open($"api/reports/{Escaped(id)}/{Escaped(file)}", resumes: true, isVerified: false, cancel);
}
