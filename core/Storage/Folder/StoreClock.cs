using System.Collections.Concurrent;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// The time of a folder store: the machine's clock on the wall, which somebody may set. When a version was written is told so that no step of the
/// clock makes it older than it is, or keeps it young for ever: leases, and all else that runs out, count from there. Steps are noticed by comparing
/// with the machine's uptime. See docs/decisions/0171.
/// </summary>
internal sealed class StoreClock(TimeProvider time)
{
    /// <summary>Less than this is no step: the two clocks are not read at the same instant, and one is corrected all the time.</summary>
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(2);

    /// <summary>More than three heartbeats of a usual lease: whoever lives has written at the new time by then.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    /// <summary>What is older than any lease needs no grace.</summary>
    private static readonly TimeSpan Recent = TimeSpan.FromMinutes(10);

    /// <summary>Of those beyond it nothing is remembered: they do not age until their time has come.</summary>
    private const int MostFromTheFuture = 10_000;

    private readonly ConcurrentDictionary<string, (string ETag, TimeSpan Seen)> fromTheFuture = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private TimeSpan? offset;
    private Forward forward;

    /// <summary>A step forward: from which time on the wall, by how much, and until which uptime it matters.</summary>
    private readonly record struct Forward(DateTimeOffset From, TimeSpan By, TimeSpan Until);

    public DateTimeOffset Now => Look().Now;

    /// <summary>
    /// When the version was written, on the clock as it is now. One from the future (the clock was set back, or another machine's runs ahead) was
    /// there when it was first seen, and ages from then on.
    /// </summary>
    public DateTimeOffset Written(string key, FileVersion version)
    {
        var (now, uptime, forward) = Look();
        var written = version.Modified;
        if (written - now < Least)
        {
            if (!fromTheFuture.IsEmpty) fromTheFuture.TryRemove(key, out _);
            return uptime < forward.Until && forward.From - written < Recent && written - forward.From < Least ? written + forward.By : written;
        }

        var etag = version.ETag;
        if (fromTheFuture.TryGetValue(key, out var known) && known.ETag == etag) return now - (uptime - known.Seen);
        if (fromTheFuture.Count < MostFromTheFuture) fromTheFuture[key] = (etag, uptime);
        return now;
    }

    private (DateTimeOffset Now, TimeSpan Uptime, Forward Forward) Look()
    {
        lock (gate)
        {
            var (now, uptime) = (time.GetUtcNow(), time.GetElapsedTime(0));
            var found = TimeSpan.FromTicks(now.Ticks) - uptime;
            var step = found - (offset ?? found);
            offset = found;
            if (step >= Least) forward = new(now - step, step, uptime + Grace);
            else if (step <= -Least) forward = default;
            return (now, uptime, forward);
        }
    }
}
