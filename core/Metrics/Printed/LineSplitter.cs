using System.Buffers;

namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Makes lines of bytes that come in pieces: the same lines however they are cut. A line ends at a line feed or a carriage return, with which
/// progress bars write over themselves; empty lines are nobody's. Memory is bounded: of a line longer than <see cref="MaxLine"/> nothing is given.
/// </summary>
/// <param name="line">Gets each line, without its end.</param>
/// <param name="tooLong">Is told of a line that was left out, once at its end.</param>
internal sealed class LineSplitter(Action<ReadOnlySpan<byte>> line, Action tooLong)
{
    public const int MaxLine = 1024 * 1024;
    private const int KeptCapacity = 64 * 1024;

    private static readonly SearchValues<byte> Ends = SearchValues.Create("\n\r"u8);

    private ArrayBufferWriter<byte> begun = new();
    private bool overlong;

    /// <summary>Which line it is, counted by line feeds as editors do, from 1.</summary>
    public long Number { get; private set; } = 1;

    /// <summary>How many bytes there were up to the end of the line that is being given.</summary>
    public long Taken { get; private set; }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var end = bytes.IndexOfAny(Ends);
            Taken += end < 0 ? bytes.Length : end;
            if (end < 0)
            {
                Keep(bytes);
                return;
            }

            if (begun.WrittenCount == 0 && !overlong && end <= MaxLine)
            {
                if (end > 0) line(bytes[..end]);
            }
            else
            {
                Keep(bytes[..end]);
                End();
            }

            if (bytes[end] == (byte)'\n') Number++;
            Taken++;
            bytes = bytes[(end + 1)..];
        }
    }

    /// <summary>Nothing more comes: what stands after the last line's end is a line too.</summary>
    public void End()
    {
        var (complete, was) = (begun, overlong);
        begun = complete.Capacity <= KeptCapacity ? complete : new();
        overlong = false;
        if (was) tooLong();
        else if (complete.WrittenCount > 0) line(complete.WrittenSpan);
        complete.ResetWrittenCount();
    }

    private void Keep(ReadOnlySpan<byte> part)
    {
        if (overlong) return;
        if (begun.WrittenCount + part.Length > MaxLine)
        {
            overlong = true;
            begun = new();
            return;
        }

        begun.Write(part);
    }
}
