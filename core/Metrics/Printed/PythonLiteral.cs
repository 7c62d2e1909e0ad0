using System.Buffers;

namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// A dictionary as Python prints it, <c>{'loss': 0.31, 'epoch': 1.0, 'best': None}</c>, as JSON: with other quotation marks and other words. What
/// stands around a number, <c>tensor(0.31)</c> or <c>np.float64(0.31)</c>, goes.
/// </summary>
internal static class PythonLiteral
{
    private const byte Single = (byte)'\'', Double = (byte)'"', Backslash = (byte)'\\';

    /// <param name="json">May be no JSON either; whoever reads it says so.</param>
    public static bool TryConvert(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> json)
    {
        json = default;
        if (!text.StartsWith("{'"u8) && !(text.StartsWith("{\""u8) && text.IndexOf(": '"u8) > 0)) return false;
        var converted = new ArrayBufferWriter<byte>(text.Length + 16);
        for (var at = 0; at < text.Length;)
        {
            if (text[at] is Single or Double) at += Text(text[at..], converted);
            else if (char.IsAsciiLetter((char)text[at])) at += Word(text[at..], converted);
            else
            {
                // Of "tensor(" the word is gone already.
                if (text[at] is not ((byte)'(' or (byte)')')) converted.Write(text.Slice(at, 1));
                at++;
            }
        }

        json = converted.WrittenSpan;
        return true;
    }

    /// <returns>How much of the text it was.</returns>
    private static int Text(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> to)
    {
        var quote = text[0];
        to.Write("\""u8);
        var at = 1;
        for (; at < text.Length && text[at] != quote; at++)
        {
            if (text[at] == Backslash && at + 1 < text.Length)
            {
                // JSON does not know \' and \x41.
                if (text[at + 1] is Single or (byte)'x') to.Write(text[at + 1] == Single ? "'"u8 : "x"u8);
                else to.Write(text.Slice(at, 2));
                at++;
            }
            else if (text[at] == Double) to.Write("\\\""u8);
            else to.Write(text.Slice(at, 1));
        }

        to.Write("\""u8);
        return at + 1;
    }

    private static int Word(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> to)
    {
        var end = 1;
        while (end < text.Length && (char.IsAsciiLetterOrDigit((char)text[end]) || text[end] is (byte)'_' or (byte)'.')) end++;
        var word = text[..end];
        var isWrapper = end < text.Length && text[end] == (byte)'(';
        if (!isWrapper)
        {
            to.Write(word.SequenceEqual("None"u8) ? "null"u8 : word.SequenceEqual("True"u8) ? "true"u8 : word.SequenceEqual("False"u8) ? "false"u8
                : word.SequenceEqual("nan"u8) ? "NaN"u8 : word.SequenceEqual("inf"u8) ? "Infinity"u8 : word);
        }

        return end;
    }
}
