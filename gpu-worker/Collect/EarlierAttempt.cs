using System.Text.Json;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Outputs;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.GpuWorker.Collect;

/// <summary>Reads what attempts before logged around the checkpoint that an attempt goes on from, and what they had left by then.</summary>
static class EarlierAttempt
{
    /// <summary>At most 80 MB; two seconds of code that logs 10,000 points a second are 2 MB.</summary>
    private const int MaxPoints = 1 << 20;

    /// <summary>
    /// See <see cref="CarriedPoints"/>. In order of logging, what was logged from where the checkpoint was certainly not there until it was
    /// committed, and of what came after that, what is of a step up to its own: code may log a step when it has saved it. That comes soon, so no
    /// more than one segment is looked through for it.
    /// </summary>
    public static async Task<IReadOnlyList<MetricPoint>> PointsAround(IObjectStore store, RunRecord run, CancellationToken cancel)
    {
        if (run.Attempts is not [.., { Resume: { MetricsUpTo: { } upTo } checkpoint }]) return [];
        var around = new List<MetricPoint>();
        for (var segment = checkpoint.Metrics.Segment; segment <= upTo.Segment + 1; segment++)
        {
            if (await store.Get(WorkspacePaths.MetricsSegment(run.Id, checkpoint.Epoch, segment), cancel: cancel) is not { } read) continue;
            var (points, ends) = (new List<MetricPoint>(), new List<long>());
            try
            {
                new MetricStreamReader().Read(read.Body, points, ends);
            }
            catch (InvalidDataException)
            {
                // Up to there it can be read, here as elsewhere.
            }

            for (var i = 0; i < points.Count && around.Count < MaxPoints; i++)
            {
                var end = new StreamCursor(segment, ends[i]);
                if (end.IsBeyond(checkpoint.Metrics) && (!end.IsBeyond(upTo) || points[i].Step <= checkpoint.Step)) around.Add(points[i]);
            }
        }

        return around;
    }

    /// <summary>
    /// Why the curve up to a checkpoint has a hole: a copy of a workspace that was taken while runs went on may have a checkpoint and not all that
    /// was logged before it.
    /// </summary>
    /// <returns>Null: all of it is there.</returns>
    public static async Task<string?> Missing(IObjectStore store, RunRecord run, CheckpointRef checkpoint, CancellationToken cancel)
    {
        var end = checkpoint.MetricsUpTo is { } upTo && upTo.IsBeyond(checkpoint.Metrics) ? upTo : checkpoint.Metrics;
        for (var segment = 0; segment <= end.Segment; segment++)
        {
            var wanted = segment == end.Segment ? end.LengthBytes : 1;
            var key = WorkspacePaths.MetricsSegment(run.Id, checkpoint.Epoch, segment);
            if (wanted == 0) continue;
            var length = (await store.Head(key, cancel)).Value?.LengthBytes;
            if (length is null) return $"{key} is missing, with metrics that were logged before it";
            if (length < wanted) return $"{key} has {length} of {wanted} bytes: metrics that were logged before it are missing";
        }

        return null;
    }

    /// <summary>What the run had left by the checkpoint that it goes on from.</summary>
    /// <exception cref="InvalidDataException">The list of it is damaged, or missing.</exception>
    public static async Task<IReadOnlyList<KeptOutput>> Outputs(IObjectStore store, RunRecord run, CancellationToken cancel)
    {
        if (run.Attempts is not [.., { Resume: { } checkpoint }]
            || !checkpoint.Manifest.StartsWith(WorkspacePaths.AttemptsOf(run.Id), StringComparison.Ordinal)
            || (await store.Read<CheckpointManifest>(checkpoint.Manifest, cancel)).Found is not { Record.Outputs: { } list }) return [];
        try
        {
            await using var kept = await new RunOutputs(store).Open(list, cancel);
            return await JsonSerializer.DeserializeAsync<List<KeptOutput>>(kept, CoreJson.Options, cancel) ?? [];
        }
        catch (Exception damaged) when (damaged is ContentMismatchException or JsonException)
        {
            throw new InvalidDataException(damaged.Message, damaged);
        }
    }
}
