using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

sealed class RunRecordRule : IRecordRule<RunRecord>
{
    public string? Problem(RunRecord run, string key) => key != WorkspacePaths.Run(run.Id) ? $"it is the record of run {run.Id}"
        : run.Attempts.SelectMany(Ends).Any(end => end?.IsPossible() is false) ? "a stream of it ends where none can"
        : null;

    private static StreamCursor?[] Ends(Attempt attempt) => 
        [attempt.Metrics, attempt.Logs, attempt.Resume?.Metrics, attempt.Resume?.Logs, attempt.Resume?.MetricsUpTo];
}
