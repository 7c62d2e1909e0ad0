using Serverless.Core.Runs;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Streams;

/// <summary>The streams that a run leaves behind as numbered segments.</summary>
public enum StreamKind
{
    Metrics,
    Logs,

    /// <summary>What the worker measured of its machine.</summary>
    Machine,
}

/// <summary>One attempt's part of what readers see: its segments from the first one up to <paramref name="End"/>.</summary>
/// <param name="End">Null: the attempt lives, or never said where it ended; its segments are read until one is missing.</param>
public sealed record StreamPiece(int Epoch, StreamCursor? End);

/// <summary>
/// What of a run's streams readers see. Each earlier attempt is cut at the checkpoint that the attempt after it resumed from, an attempt that nobody
/// resumed from is not seen at all, and only the newest may be live: so a curve has no gap, no duplicate and nothing of a replaced attempt. What was
/// measured of machines is seen of every attempt, whole: it was used, whatever became of what was computed with it.
/// </summary>
public static class VisibleStream
{
    /// <param name="epoch">The attempt at whose end to look; null: the newest.</param>
    /// <returns>Pieces in reading order; empty when there is no such attempt.</returns>
    public static IReadOnlyList<StreamPiece> Of(RunRecord run, StreamKind kind, int? epoch = null)
    {
        var pieces = new List<StreamPiece>();
        if (kind == StreamKind.Machine)
        {
            return [.. run.Attempts.Where(one => one.Epoch <= (epoch ?? run.Epoch)).Select(one => new StreamPiece(one.Epoch, null))];
        }

        if (Find(run, epoch ?? run.Epoch) is not { } attempt) return pieces;
        pieces.Add(new(attempt.Epoch, kind == StreamKind.Metrics ? attempt.Metrics : attempt.Logs));
        while (attempt.Resume is { } resume)
        {
            pieces.Insert(0, new(resume.Epoch, kind == StreamKind.Metrics ? resume.Metrics : resume.Logs));
            attempt = Find(run, resume.Epoch) ?? throw new InvalidDataException(
                $"run {run.Id}: attempt {attempt.Epoch} resumes from attempt {resume.Epoch}, which its record does not have");
            if (attempt.Epoch >= pieces[1].Epoch)
            {
                throw new InvalidDataException(
                    $"run {run.Id}: attempt {pieces[1].Epoch} resumes from attempt {attempt.Epoch}, which is not before it");
            }
        }

        return pieces;
    }

    /// <summary>What two views have in common: where a reader of the old one continues in the new one.</summary>
    public static IReadOnlyList<StreamPiece> Shared(IReadOnlyList<StreamPiece> before, IReadOnlyList<StreamPiece> after)
    {
        var shared = new List<StreamPiece>();
        foreach (var (a, b) in before.Zip(after))
        {
            if (a.Epoch != b.Epoch) break;
            shared.Add(new(a.Epoch, Earlier(a.End, b.End)));
            if (a.End != b.End) break;
        }

        return shared;
    }

    public static string SegmentKey(string runId, StreamKind kind, int epoch, int segment) => kind switch
    {
        StreamKind.Metrics => WorkspacePaths.MetricsSegment(runId, epoch, segment),
        StreamKind.Logs => WorkspacePaths.LogSegment(runId, epoch, segment),
        StreamKind.Machine => WorkspacePaths.MachineSegment(runId, epoch, segment),
    };

    private static Attempt? Find(RunRecord run, int epoch) => run.Attempts.FirstOrDefault(attempt => attempt.Epoch == epoch);

    private static StreamCursor? Earlier(StreamCursor? a, StreamCursor? b) =>
        a is null ? b : b is null ? a : (a.Segment, a.LengthBytes).CompareTo((b.Segment, b.LengthBytes)) <= 0 ? a : b;
}
