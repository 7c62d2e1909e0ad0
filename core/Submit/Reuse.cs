using System.Collections.Concurrent;
using Serverless.Core.Code;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Versions;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary>Explains why a run was computed and not an earlier one given back.</summary>
public sealed class Reuse(IObjectStore store, RunIndex index, CodeStore code)
{
    /// <summary>How many earlier runs of the experiment are looked at for the nearest.</summary>
    private const int Compared = 50;
    private const int ReadingDegree = 8;

    private readonly RunStore runs = new(store);
    private readonly KeptResults results = new(store);

    /// <param name="other">The run to compare with; null: the nearest earlier one of the same experiment.</param>
    public async Task<ReuseExplanation> Explain(RunRecord run, RunRecord? other, CancellationToken cancel = default)
    {
        var now = await Standing(run.Key, cancel);
        if (other is null)
        {
            var before = await Before(run, cancel);
            if (before.Find(earlier => earlier.Key == run.Key) is { } same) return await Told(run, same, now, cancel);
            if (await Deleted(run.Key, cancel) is { } deleted && deleted.At <= run.Created)
            {
                return new(run.Id, run.Key, ReuseReason.Deleted, $"run {deleted.Run} had the same key and was deleted", deleted.Run, [], now);
            }

            if (before.Count == 0)
            {
                return new(run.Id, run.Key, ReuseReason.NothingBefore,
                    $"there was no run of {run.Project}/{run.Experiment} before it, and none with its key", null, [], now);
            }

            // The fewest parts, then the fewest names in them; before is newest first, and so is what remains.
            other = (await Task.WhenAll(before.Select(async earlier => (Run: earlier, Differences: await Between(earlier, run, cancel)))))
                .MinBy(pair => (pair.Differences.Select(difference => difference.Part).Distinct().Count(), pair.Differences.Count)).Run;
        }

        if (other.Key == run.Key) return await Told(run, other, now, cancel);
        var differences = await Between(other, run, cancel);
        var parts = differences.Select(difference => difference.Part).Distinct().ToList();
        return new(run.Id, run.Key, ReuseReason.Differs, $"its key differs from that of run {other.Id} in {string.Join(", ", parts)}", other.Id,
            differences, now);
    }

    private async Task<ReuseExplanation> Told(RunRecord run, RunRecord same, string? now, CancellationToken cancel)
    {
        var problem = await results.Problem(same, cancel);
        var (reason, why) = same switch
        {
            _ when same.Id == run.Id => (ReuseReason.Same, "that is the run itself"),
            _ when string.CompareOrdinal(same.Id, run.Id) < 0 => (ReuseReason.Same, $"run {same.Id} has the same key and came later"),
            _ when run.Fresh => (ReuseReason.Fresh, $"it was asked for afresh; run {same.Id} has the same key"),
            { State: RunState.Failed } => (ReuseReason.Failed, $"run {same.Id} has the same key and failed; a failed run is not given back"),
            { State: RunState.Cancelled } =>
                (ReuseReason.Cancelled, $"run {same.Id} has the same key and was cancelled; a cancelled run is not given back"),
            { ChangedMeanwhile: not null } => (ReuseReason.ChangedMeanwhile, $"run {same.Id} has the same key, but {problem}"),
            _ when problem is not null => (ReuseReason.ResultsLost, $"run {same.Id} has the same key, but {problem}"),
            { Cancel: not null } => (ReuseReason.Cancelled, $"run {same.Id} has the same key and was asked to end; it is not joined any more"),
            _ => (ReuseReason.Same, $"run {same.Id} has the same key, but the key stood for another run when this one was submitted"),
        };
        return new(run.Id, run.Key, reason, why, same.Id, [], now);
    }

    /// <summary>Newest first.</summary>
    private async Task<List<RunRecord>> Before(RunRecord run, CancellationToken cancel)
    {
        var listed = (await index.List(new(run.Project, run.Experiment), Compared, after: run.Id, cancel)).Runs;
        var records = new ConcurrentDictionary<string, RunRecord>(StringComparer.Ordinal);
        var several = new ParallelOptions { MaxDegreeOfParallelism = ReadingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(listed, several, async (summary, stop) =>
        {
            if (await runs.Sound(summary.Id, stop) is { } earlier) records[earlier.Id] = earlier;
        });
        return [.. records.Values.OrderBy(earlier => earlier.Id, StringComparer.Ordinal)];
    }

    private async Task<IReadOnlyList<KeyDifference>> Between(RunRecord before, RunRecord run, CancellationToken cancel) =>
        KeyDifference.Between(before.Spec, run.Spec, before.Spec.Code.Tree == run.Spec.Code.Tree
            ? default
            : (await code.Facts(before.Spec.Code.Snapshot, cancel), await code.Facts(run.Spec.Code.Snapshot, cancel)));

    /// <summary>The run that a submission with this key is given.</summary>
    private async Task<string?> Standing(string key, CancellationToken cancel) =>
        (await store.Read<KeyRecord>(WorkspacePaths.Key(key), cancel)).Found is { Record.Run: var holder }
            && await runs.Sound(holder, cancel) is { Cancel: null, State: not (RunState.Failed or RunState.Cancelled) } run
            && await results.Problem(run, cancel) is null
            ? holder
            : null;

    private async Task<(string Run, DateTimeOffset At)?> Deleted(string key, CancellationToken cancel) =>
        (await store.Read<DeletedKey>(WorkspacePaths.DeletedKey(key), cancel)).Found is { } read ? (read.Record.Run, read.Object.Modified) : null;
}
