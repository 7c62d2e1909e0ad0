using System.Text;
using Serverless.Contract;

namespace Serverless.GpuWorker.Collect;

/// <summary>Takes the lines of <see cref="LogMarker"/> out of what is printed, however it is cut into pieces.</summary>
/// <param name="text">Gets everything else, in its order.</param>
/// <param name="marker">Gets the id of each marker when all text before it was given.</param>
sealed class MarkerFilter(Action<ReadOnlySpan<byte>> text, Action<string> marker)
{
    private const int MaxMarker = 512;
    private const byte Separator = 0x1E;

    private static readonly byte[] Prefix = Encoding.UTF8.GetBytes(LogMarker.Prefix);

    private readonly byte[] begun = new byte[MaxMarker];
    private int length;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (length > 0)
            {
                bytes = Continue(bytes);
                continue;
            }

            var start = bytes.IndexOf(Separator);
            if (start != 0) text(start < 0 ? bytes : bytes[..start]);
            if (start < 0) return;
            begun[length++] = Separator;
            bytes = bytes[(start + 1)..];
        }
    }

    /// <summary>Nothing more comes: half a marker is text.</summary>
    public void End()
    {
        if (length == 0) return;
        var rest = begun.AsSpan(0, length);
        length = 0;
        text(rest);
    }

    /// <returns>What is left of the bytes.</returns>
    private ReadOnlySpan<byte> Continue(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOfAny((byte)'\n', Separator);
        var taken = Math.Min(end < 0 ? bytes.Length : end, MaxMarker - length);
        bytes[..taken].CopyTo(begun.AsSpan(length));
        length += taken;
        var line = begun.AsSpan(0, length);
        var compared = Math.Min(length, Prefix.Length);
        var mayBe = line[..compared].SequenceEqual(Prefix.AsSpan(0, compared));
        if (mayBe && taken == bytes.Length) return [];
        if (mayBe && taken == end && bytes[end] == (byte)'\n' && length > Prefix.Length)
        {
            var id = Encoding.UTF8.GetString(line[Prefix.Length..]).TrimEnd('\r');
            length = 0;
            marker(id);
            return bytes[(end + 1)..];
        }

        // A record separator that somebody printed for another reason.
        End();
        return bytes[taken..];
    }
}
