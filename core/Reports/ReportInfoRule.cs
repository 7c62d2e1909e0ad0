using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Reports;

sealed class ReportInfoRule : IRecordRule<ReportInfo>
{
    public string? Problem(ReportInfo report, string key) => key == WorkspacePaths.ReportInfo(report.Id) ? null : $"it is of report {report.Id}";
}
