using System.Globalization;
using System.Runtime.CompilerServices;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Streams;

namespace Serverless.Core.Logs;

/// <summary>A place in a run's log as it was seen at an attempt. Written <c>{epoch}-{offset}</c>.</summary>
/// <param name="Epoch">0: unknown.</param>
/// <param name="Offset">Visible bytes before it.</param>
public readonly record struct LogPosition(int Epoch, long Offset)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{Offset}");

    public static LogPosition? Parse(string text) =>
        text.Split('-') is [var epoch, var offset]
            && int.TryParse(epoch, NumberStyles.None, CultureInfo.InvariantCulture, out var e)
            && long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var o)
            ? new(e, o)
            : null;
}

/// <param name="Length">Visible bytes.</param>
/// <param name="Problems">What is missing, in words.</param>
public sealed record LogExtent(long Length, IReadOnlyList<string> Problems);

/// <summary>Something that happened to a log that is being followed.</summary>
public abstract record LogEvent
{
    private LogEvent() { }

    /// <param name="After">The place after these bytes.</param>
    public sealed record Text(LogPosition After, byte[] Bytes) : LogEvent;

    /// <summary>A new attempt resumed from an earlier place: what was read beyond it no longer counts.</summary>
    public sealed record Rewound(LogPosition To) : LogEvent;

    /// <summary>Something before this place cannot be read, in words; the rest follows.</summary>
    public sealed record Incomplete(LogPosition At, string Problem) : LogEvent;

    /// <summary>The run has ended and everything was read.</summary>
    public sealed record Ended(LogPosition At, RunState State, Cause? Cause) : LogEvent;
}

/// <summary>Reads a run's log: the bytes that its code printed, over all attempts as <see cref="VisibleStream"/> puts them together.</summary>
public sealed class LogReader(IObjectStore store, TimeProvider time)
{
    public const int ChunkBytes = 64 * 1024;

    /// <summary>Of the end of a log at most so many lines are looked for, and no further back than this.</summary>
    public const int MaxTailLines = 100_000, MaxTailBytes = 64 * 1024 * 1024;

    private const int FirstTailBytes = 64 * 1024, TailGrowth = 8;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private readonly RunStore runs = new(store);

    /// <summary>What there is at the moment.</summary>
    public async Task<LogExtent> Measure(RunRecord run, int? attempt = null, CancellationToken cancel = default)
    {
        var walk = new SegmentWalk(store, run.Id, StreamKind.Logs, VisibleStream.Of(run, StreamKind.Logs, attempt));
        await walk.SeekEnd(cancel);
        return new(walk.Offset, walk.Problems.All);
    }

    /// <summary>
    /// Where the last lines begin. The log is read from its end, in steps that grow; so that takes as long as these lines are long, however long the
    /// log is.
    /// </summary>
    /// <param name="end">Visible bytes, as <see cref="Measure"/> gives them.</param>
    /// <param name="lines">At most <see cref="MaxTailLines"/>.</param>
    /// <returns>
    /// Where a line begins; fewer lines follow when there are no more within <see cref="MaxTailBytes"/>, and the end of one when it alone is longer.
    /// </returns>
    public async Task<long> TailOffset(RunRecord run, long end, int lines, int? attempt = null, CancellationToken cancel = default)
    {
        if (lines == 0) return end;
        var first = Math.Max(0, end - MaxTailBytes);
        var (from, missing) = (end, lines);
        long? earliest = null;
        for (long size = FirstTailBytes; from > first; size *= TailGrowth)
        {
            var (before, until) = (Math.Max(first, from - size), from);

            // Where lines begin behind this place: the line feed at the very end begins none.
            var begins = new List<long>();
            var at = before;
            await foreach (var bytes in Read(run, before, until, attempt, cancel))
            {
                for (var i = 0; i < bytes.Length; i++)
                {
                    if (bytes[i] == (byte)'\n' && at + i + 1 < end) begins.Add(at + i + 1);
                }

                at += bytes.Length;
            }

            if (begins.Count >= missing) return begins[^missing];
            missing -= begins.Count;
            if (begins.Count > 0) earliest = begins[0];
            from = before;
        }

        return first == 0 ? 0 : earliest ?? first;
    }

    /// <summary>Lines that have a text, from a place on at which one begins.</summary>
    /// <param name="text">Not empty.</param>
    /// <param name="most">So many, and then where to go on.</param>
    public async Task<LogMatches> Search(RunRecord run, string text, long offset, int most, CancellationToken cancel = default)
    {
        var extent = await Measure(run, cancel: cancel);
        var (search, found) = (new LogSearch(text, offset), new List<LogMatch>());
        var goesOn = true;
        await foreach (var bytes in Read(run, offset, extent.Length, cancel: cancel))
        {
            if (!(goesOn = search.Add(bytes, Take))) break;
        }

        if (goesOn) search.End(Take);
        return new(run.Id, found, goesOn ? null : search.Offset, extent.Problems);

        bool Take(LogMatch match)
        {
            found.Add(match);
            return found.Count < most;
        }
    }

    /// <summary>The bytes in [<paramref name="offset"/>, <paramref name="end"/>), as far as they are there.</summary>
    public async IAsyncEnumerable<byte[]> Read(
        RunRecord run, long offset, long end, int? attempt = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var walk = new SegmentWalk(store, run.Id, StreamKind.Logs, VisibleStream.Of(run, StreamKind.Logs, attempt));
        await walk.Seek(offset, cancel);
        while (walk.Offset < end && await walk.Read((int)Math.Min(ChunkBytes, end - walk.Offset), cancel) is { Length: > 0 } bytes)
        {
            yield return bytes;
        }
    }

    /// <summary>
    /// The log from a place on, as it is written, until the run has ended (or is deleted). Places that were given out stay valid over new attempts.
    /// </summary>
    public async IAsyncEnumerable<LogEvent> Follow(string runId, LogPosition from, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        SegmentWalk? walk = null;
        var position = from;
        IReadOnlyList<StreamPiece> pieces = [];
        var wait = FirstWait;
        var told = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            // The record before the bytes: when it says that the run has ended, the bytes read after it are all there are.
            if (await runs.Load(runId, cancel) is not { Run: var run }) yield break;
            var now = VisibleStream.Of(run, StreamKind.Logs);
            if (walk is null || position.Epoch != run.Epoch)
            {
                var offset = position.Offset;
                if (position.Epoch != 0 && position.Epoch != run.Epoch)
                {
                    offset = Math.Min(offset, await SharedLength(run, position.Epoch, now, cancel));
                    if (offset < position.Offset) yield return new LogEvent.Rewound(new(run.Epoch, offset));
                }

                walk = new(store, run.Id, StreamKind.Logs, pieces = now);
                await walk.Seek(offset, cancel);
                position = new(run.Epoch, walk.Offset);
            }
            else if (!now.SequenceEqual(pieces))
            {
                // The attempt has said where its log ends.
                walk = new(store, run.Id, StreamKind.Logs, pieces = now);
                await walk.Seek(position.Offset, cancel);
            }

            while (await walk.Read(ChunkBytes, cancel) is { Length: > 0 } bytes)
            {
                position = position with { Offset = walk.Offset };
                yield return new LogEvent.Text(position, bytes);
                wait = FirstWait;
            }

            foreach (var problem in walk.Problems.All.Where(told.Add)) yield return new LogEvent.Incomplete(position, problem);
            if (run.State.IsTerminal)
            {
                yield return new LogEvent.Ended(position, run.State, run.Cause);
                yield break;
            }

            await Task.Delay(wait, time, cancel);
            wait = wait * 1.5 < LongestWait ? wait * 1.5 : LongestWait;
        }
    }

    private async Task<long> SharedLength(RunRecord run, int seenEpoch, IReadOnlyList<StreamPiece> now, CancellationToken cancel)
    {
        var shared = VisibleStream.Shared(VisibleStream.Of(run, StreamKind.Logs, seenEpoch), now);
        var walk = new SegmentWalk(store, run.Id, StreamKind.Logs, shared);
        await walk.SeekEnd(cancel);
        return walk.Offset;
    }
}
