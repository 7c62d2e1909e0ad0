using Serverless.Cli.Terminal;
using Serverless.Core.Runs;

namespace Serverless.Cli.Watch;

/// <summary>One line whenever a run's state is another than before.</summary>
sealed class StateLines(Output output)
{
    private readonly Dictionary<string, (RunState State, int Epoch)> told = [];

    public void Tell(RunRecord[] runs)
    {
        foreach (var run in runs)
        {
            var now = (run.State, run.Epoch);
            if (run.State.IsTerminal || (told.TryGetValue(run.Id, out var before) && before == now)) continue;
            told[run.Id] = now;
            var again = run.State == RunState.Queued && run.Cause is { } cause ? $" again ({Format.Cause(cause)})" : "";
            output.Remark($"{Format.Sign(run.State)} {Format.State(run.State)}{again}  {run.Experiment}  {run.Id}");
        }
    }
}
