using Serverless.Core.Reports;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    public Task<ReportInfo> CreateReport(ReportRequest request, CancellationToken cancel) => Send<ReportInfo>(HttpMethod.Post, "api/reports", Json(request), cancel);

    public async Task<Stream> OpenReportFile(string id, string file, CancellationToken cancel) =>
        await (await Send(HttpMethod.Get, $"api/reports/{Escaped(id)}/{Escaped(file)}", null, cancel)).Content.ReadAsStreamAsync(cancel);
}
