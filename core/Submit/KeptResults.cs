using System.Collections.Concurrent;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.Core.Submit;

/// <summary>
/// Whether a run can be given back: it ran with what it was to run with, and still has what it would be given back for. A look at the first outputs
/// only: a run may have many, and nothing is read but their list.
/// </summary>
internal sealed class KeptResults(IObjectStore store)
{
    private const int MostLookedAt = 64;
    private const int LookingDegree = 8;

    /// <summary>Why the run is not given back, as the end of a sentence; null: it can be, as far as was looked.</summary>
    public async Task<string?> Problem(RunRecord run, CancellationToken cancel)
    {
        if (run.ChangedMeanwhile is { } changed) return $"something that it ran with was changed meanwhile: {changed}";
        return await Lost(run, cancel) is { } lost ? $"its results are lost: {lost}" : null;
    }

    /// <summary>What of them is lost, for people; null: nothing, as far as was looked.</summary>
    private async Task<string?> Lost(RunRecord run, CancellationToken cancel)
    {
        if (run.Outputs is not { } key) return null;
        var read = await store.Read<OutputManifest>(key, cancel);
        if (read.IsMissing) return $"{key} is missing";
        if (read.Damage is { } damage) return damage.IsNewer ? null : $"{damage}";
        var lost = new ConcurrentBag<string>();
        var several = new ParallelOptions { MaxDegreeOfParallelism = LookingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(read.Found!.Record.Artifacts.Concat(read.Found.Record.Data).Take(MostLookedAt), several, async (file, stop) =>
        {
            var there = (await store.Head(file.Key, stop)).Value;
            if (there?.LengthBytes != file.LengthBytes)
            {
                lost.Add(there is null ? $"{file.Key} is missing" : $"{file.Key} has {there.LengthBytes} bytes instead of {file.LengthBytes}");
            }
        });
        return lost.Min(StringComparer.Ordinal);
    }
}
