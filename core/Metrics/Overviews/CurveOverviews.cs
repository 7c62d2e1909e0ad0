using System.Collections.Concurrent;
using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Streams;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Metrics.Overviews;

/// <summary>
/// Overviews of the curves of runs that have ended: what thinning makes of each series, a coarse level and a finer one, in an object of its own, so
/// that a plot of ten million points, and a comparison of a thousand runs, reads a few kilobytes of each. Derived: made when the run ends, or by the
/// first who asks for a long curve, and equal to what the points give. See docs/decisions/0228.
/// </summary>
public sealed class CurveOverviews(IObjectStore store, LongReads? reads = null)
{
    /// <summary>Of a shorter stream the points themselves are read as soon.</summary>
    internal const long LeastBytes = 64 * 1024;

    /// <summary>Points that a level keeps of a series.</summary>
    internal const int Coarse = 258, Fine = 2050;

    /// <summary>Stretches in memory while one is made, some 30 MB: of more series, each has a coarser level.</summary>
    internal const int MostStretches = 300_000;

    // One reading finds the directory of a hundred series, or that of a few with their coarse levels.
    private const int FirstBytes = 16 * 1024, MostGap = 64 * 1024, MostRemembered = 10_000;

    private readonly LongReads reads = reads ?? LongReads.Shared;

    /// <summary>Runs that can have none, as far as is known: too many series, or damage. To find out means to read all points.</summary>
    private readonly ConcurrentDictionary<string, bool> without = new(StringComparer.Ordinal);

    /// <summary>Makes what is missing. Whoever is told that a run has ended calls it; whatever it cannot do, a reader does later.</summary>
    public async Task Make(string runId, CancellationToken cancel = default)
    {
        if (await new RunStore(store).Sound(runId, cancel) is not { } run || !MayHaveOne(run)) return;
        if (await Entries(run, cancel) is null) await Make(run, cancel);
    }

    /// <summary>Series that are wanted, thinned to so many points at most.</summary>
    /// <returns>Null: only the points themselves can tell.</returns>
    internal async Task<IReadOnlyList<(string Name, Downsampler Series)>?> Read(
        RunRecord run, Func<string, bool> wants, int most, CancellationToken cancel)
    {
        if (!MayHaveOne(run) || without.ContainsKey(run.Id)) return null;
        var made = false;
        while (true)
        {
            if (await Entries(run, cancel) is { } overview)
            {
                var wanted = new List<(OverviewEntry Entry, OverviewLevel Level)>();
                foreach (var entry in overview.Entries.Where(entry => wants(entry.Name)))
                {
                    if (entry.For(most) is not { } level) return null;
                    wanted.Add((entry, level));
                }

                wanted.Sort((a, b) => a.Level.Offset.CompareTo(b.Level.Offset));
                if (await Levels(WorkspacePaths.CurveOverview(run.Id), overview, wanted, most, cancel) is { } series) return series;
            }

            // There was none of this, or it is damaged.
            if (made || !(made = await Make(run, cancel))) return null;
        }
    }

    /// <returns>Null: they are damaged, or somebody replaced them meanwhile.</returns>
    private async Task<IReadOnlyList<(string, Downsampler)>?> Levels(
        string key, Overview overview, List<(OverviewEntry Entry, OverviewLevel Level)> wanted, int most, CancellationToken cancel)
    {
        var read = new List<(string, Downsampler)>();
        for (var i = 0; i < wanted.Count;)
        {
            // What lies close together is read at once.
            var (from, next) = (wanted[i].Level.Offset, i + 1);
            var end = from + wanted[i].Level.LengthBytes;
            for (; next < wanted.Count && wanted[next].Level is var level && level.Offset - end <= MostGap; next++)
            {
                end = level.Offset + level.LengthBytes;
            }

            var bytes = overview.Begin;
            var begin = 0L;
            if (end > bytes.Length)
            {
                if (await store.Get(key, new(from, end - from), cancel) is not { } content || content.Object.ETag != overview.ETag) return null;
                (bytes, begin) = (content.Body, from);
            }

            if (bytes.Length < end - begin) return null;
            for (; i < next; i++)
            {
                var (entry, level) = wanted[i];
                if (OverviewFormat.Stretches(bytes.AsSpan((int)(level.Offset - begin), level.LengthBytes), level) is not { } stretches) return null;
                read.Add((entry.Name, new(entry.Ends, level.Width, stretches, most)));
            }
        }

        return read;
    }

    private sealed record Overview(string ETag, byte[] Begin, IReadOnlyList<OverviewEntry> Entries);

    /// <summary>Null: there is none of what the run is now.</summary>
    private async Task<Overview?> Entries(RunRecord run, CancellationToken cancel)
    {
        var key = WorkspacePaths.CurveOverview(run.Id);
        if (await store.Get(key, new(0, FirstBytes), cancel) is not { } begin) return null;
        if (OverviewFormat.DirectoryBytes(begin.Body) is not { } length) return null;
        if (OverviewFormat.HeaderBytes + length > begin.Body.Length)
        {
            var whole = await store.Get(key, new(0, OverviewFormat.HeaderBytes + length), cancel);
            if (whole?.Body.Length != OverviewFormat.HeaderBytes + length) return null;
            begin = whole;
        }

        var directory = OverviewFormat.Directory(begin.Body.AsSpan(0, OverviewFormat.HeaderBytes + length), Identity(run));
        return directory is null ? null : new(begin.Object.ETag, begin.Body, directory);
    }

    /// <returns>False: there can be none.</returns>
    private async Task<bool> Make(RunRecord run, CancellationToken cancel)
    {
        using var turn = reads.Begin();
        var (key, points) = (WorkspacePaths.CurveOverview(run.Id), new MetricPoints(store, run, turn, [StreamKind.Metrics]));
        var series = new SortedDictionary<string, Downsampler>(StringComparer.Ordinal);
        var (most, held) = (Fine, 0);
        await foreach (var some in points.Read(cancel))
        {
            foreach (var point in some)
            {
                if (!series.TryGetValue(point.Name, out var one))
                {
                    if (series.Count == MetricsReader.MaxSeries) return None(run);
                    series[point.Name] = one = new(most);
                    held += one.Held;
                }

                held -= one.Held;
                one.Add(new(point.Step, point.Value, point.At));
                held += one.Held;
                while (held > 2 * MostStretches)
                {
                    most /= 2;
                    foreach (var other in series.Values) other.Shrink(most);
                    held = series.Values.Sum(other => other.Held);
                }
            }
        }

        // What is missing now may be there again after a restore, and what is damaged is said with each reading.
        if (points.Problems.All.Count > 0) return None(run);
        var body = OverviewFormat.Write(Identity(run), [.. series.Select(one => (one.Key, Levels(one.Value)))]);
        try
        {
            await store.Put(key, body, cancel: cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No room for it: the points are there.
            return false;
        }

        // Of a run that was deleted meanwhile nothing stays.
        if (await new RunStore(store).Load(run.Id, cancel) is null) await store.Delete(key, cancel: cancel);
        return true;
    }

    private bool None(RunRecord run)
    {
        if (without.Count > MostRemembered) without.Clear();
        without[run.Id] = true;
        return false;
    }

    private static IReadOnlyList<Downsampler> Levels(Downsampler fine)
    {
        if (fine.Held <= Coarse) return [fine];
        return [new(fine.Ends, fine.Width, fine.Stretches, Coarse), fine];
    }

    /// <summary>Of what still grows, or may, there is none; and of what is short.</summary>
    private static bool MayHaveOne(RunRecord run)
    {
        if (!run.State.IsTerminal) return false;
        var pieces = VisibleStream.Of(run, StreamKind.Metrics);
        return pieces.All(piece => piece.End is not null)
            && (pieces.Any(piece => piece.End!.Segment > 0) || pieces.Sum(piece => piece.End!.LengthBytes) >= LeastBytes);
    }

    /// <summary>What of the run's curves readers see: a run that went on has others.</summary>
    private static string Identity(RunRecord run) => string.Join(' ', VisibleStream.Of(run, StreamKind.Metrics).Select(
        piece => string.Create(CultureInfo.InvariantCulture, $"{piece.Epoch}:{piece.End!.Segment}-{piece.End.LengthBytes}")));
}
