using System.Globalization;
using System.Text;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Decides what of a long log is kept: its beginning, and at the end of it its end. In between goes a line that says how much is missing, so what is
/// kept only ever grows, and a place in it stays what it was. So that the log does not stand still for those who follow it, an excerpt is kept each
/// time that the whole has grown by a tenth: some 25 of them while a log grows tenfold.
/// </summary>
/// <param name="limitBytes">Nothing is left out of a log that is no longer.</param>
/// <param name="keep">Gets what is kept, in order.</param>
sealed class BoundedLog(long limitBytes, Action<ReadOnlySpan<byte>> keep)
{
    /// <summary>The end of the log waits in memory: an eighth of the limit, at most this.</summary>
    private const int MaxEnd = 64 * 1024 * 1024;
    private const int ExcerptBytes = 16 * 1024, Growth = 10, LongestHalfLine = 4 * 1024;

    private readonly long beginning = limitBytes - EndBytes(limitBytes);
    private readonly LastBytes end = new(EndBytes(limitBytes));
    private long seen, leftOut, nextExcerpt;
    private bool closed, lineEnded = true;

    /// <summary>What the code printed.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0) return;
        var room = (int)Math.Min(bytes.Length, closed ? bytes.Length : Math.Max(0, beginning - seen));
        seen += bytes.Length;
        Keep(bytes[..room]);
        leftOut += end.Add(bytes[room..]);
        if (leftOut == 0 || seen < nextExcerpt) return;

        // The oldest of what waits: so the end stays as long as it was.
        Keep(end.Take(ExcerptBytes), after: leftOut);
        nextExcerpt = seen + seen / Growth;
    }

    /// <summary>A line of the worker's own: it is kept wherever it comes.</summary>
    public void AddLine(string text) => Keep(Encoding.UTF8.GetBytes($"{(lineEnded ? "" : "\n")}{text}\n"));

    /// <summary>The code prints no more: what was held back follows, and so does at once whatever comes from now on.</summary>
    public void Close()
    {
        if (closed) return;
        closed = true;
        Keep(end.Take(end.Count), after: leftOut);
    }

    private static int EndBytes(long limitBytes) => (int)Math.Min(limitBytes / 8, MaxEnd);

    private void Keep(ReadOnlySpan<byte> text, long after)
    {
        leftOut = 0;
        if (after > 0)
        {
            // A gap ends where a line begins.
            var half = text[..Math.Min(text.Length, LongestHalfLine)].IndexOf((byte)'\n') + 1;
            text = text[half..];
            var count = (after + half).ToString("N0", CultureInfo.InvariantCulture);
            AddLine($"[worker] {count} bytes of the log are left out here: it is longer than its limit");
        }

        Keep(text);
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0) return;
        keep(bytes);
        lineEnded = bytes[^1] == (byte)'\n';
    }
}
