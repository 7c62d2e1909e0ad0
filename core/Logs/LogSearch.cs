using System.Runtime.InteropServices;
using System.Text;

namespace Serverless.Core.Logs;

/// <summary>
/// Finds lines that have a text, in bytes as they come. Capitals count when the text has one. Of a line however long only so much is held; a text
/// that goes from one part of it to the next is found all the same.
/// </summary>
/// <param name="offset">Where the first byte that comes is in the log; a line begins there.</param>
sealed class LogSearch(string text, long offset)
{
    /// <summary>What is held of a line at once, and what is shown of it.</summary>
    private const int MostHeld = 64 * 1024, MostShown = 2000;

    private readonly byte[] bytes = Encoding.UTF8.GetBytes(text);
    private readonly bool isExact = text.Any(char.IsUpper);
    private readonly List<byte> held = [];
    private long line = 1, begin = offset, at = offset;
    private bool hasIt, wantsMore = true;

    /// <summary>Where the line begins that is not searched to its end.</summary>
    public long Offset => begin;

    /// <param name="found">Takes each line that has the text; false: no more are wanted, and what follows is not looked at.</param>
    /// <returns>False: the search has ended.</returns>
    public bool Add(ReadOnlySpan<byte> more, Func<LogMatch, bool> found)
    {
        while (more.Length > 0)
        {
            var end = more.IndexOf((byte)'\n');
            var part = end < 0 ? more : more[..end];
            Take(part, found);
            at += part.Length;
            more = more[part.Length..];
            if (end < 0) continue;
            if (!EndLine(found)) return false;
            more = more[1..];
        }

        return true;
    }

    /// <summary>The log is at its end, for now: its last line may have none.</summary>
    public void End(Func<LogMatch, bool> found)
    {
        if (held.Count > 0) EndLine(found);
    }

    private void Take(ReadOnlySpan<byte> part, Func<LogMatch, bool> found)
    {
        while (held.Count + part.Length > MostHeld)
        {
            var some = part[..(MostHeld - held.Count)];
            held.AddRange(some);
            part = part[some.Length..];
            Look(found);

            // A text may begin at its end.
            held.RemoveRange(0, held.Count - Math.Min(held.Count, bytes.Length - 1));
        }

        held.AddRange(part);
    }

    /// <returns>Whether more lines are wanted: a search ends with a line.</returns>
    private bool EndLine(Func<LogMatch, bool> found)
    {
        Look(found);
        (hasIt, begin) = (false, ++at);
        line++;
        held.Clear();
        return wantsMore;
    }

    /// <summary>One match a line.</summary>
    private void Look(Func<LogMatch, bool> found)
    {
        if (hasIt) return;
        var there = CollectionsMarshal.AsSpan(held);
        if (isExact && there.IndexOf(bytes) < 0) return;
        var read = Encoding.UTF8.GetString(there);
        var place = read.IndexOf(text, isExact ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);
        if (place < 0) return;
        hasIt = true;
        var from = read.Length <= MostShown ? 0 : Math.Clamp(place - (MostShown / 2), 0, read.Length - MostShown);
        wantsMore = found(new(line, begin, read.Substring(from, Math.Min(MostShown, read.Length - from)).TrimEnd('\r')));
    }
}
