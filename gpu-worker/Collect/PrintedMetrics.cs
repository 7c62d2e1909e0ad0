using System.Buffers;
using System.Text;

namespace Serverless.GpuWorker.Collect;

/// <summary>Metrics in what training code of all kinds prints: <c>step 12 loss=0.31 acc: 0.9</c>, or a JSON object with a step.</summary>
/// <remarks>Everything here looks at each character a bounded number of times: a line may be a megabyte of anything.</remarks>
static class PrintedMetrics
{
    private const int MaxStepDigits = 18;

    /// <summary>Gives what a line says; nothing when it names no step.</summary>
    public static void Read(ReadOnlySpan<byte> line, IMetricSink sink)
    {
        var text = JsonMetrics.WithoutByteOrderMark(line).TrimStart((byte)' ');
        if (text.Length < 8 || (text.IndexOf("step"u8) < 0 && text.IndexOf("Step"u8) < 0 && text.IndexOf("STEP"u8) < 0)) return;
        if (text[0] == (byte)'{')
        {
            _ = JsonMetrics.Read(text, sink, out var isJson);
            if (isJson) return;
        }

        var characters = ArrayPool<char>.Shared.Rent(text.Length);
        try
        {
            ReadPairs(characters.AsSpan(0, Encoding.UTF8.GetChars(text, characters)), sink);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(characters);
        }
    }

    private static void ReadPairs(ReadOnlySpan<char> text, IMetricSink sink)
    {
        if (FindStep(text, sink) is not { } step) return;
        foreach (var pair in new PrintedPairs(text))
        {
            if (IsStep(pair.Name)) continue;
            if (pair.Value.Unclear is { } why) sink.LeftOut(text[pair.Whole], why);
            else sink.Found(pair.Name, step, pair.Value.Value);
        }
    }

    /// <summary>The first number that stands behind the word: <c>step 12</c>, <c>[Step 12/100]</c>, <c>global_step=12</c>.</summary>
    private static long? FindStep(ReadOnlySpan<char> text, IMetricSink sink)
    {
        for (int at = 0, next; (next = text[at..].IndexOf("step", StringComparison.OrdinalIgnoreCase)) >= 0;)
        {
            var word = at + next;
            at = word + 4;
            if (!BeginsWord(text[..word])) continue;
            var separators = 0;
            for (; separators < 4 && at < text.Length && Separates(text[at]); at++) separators++;
            if (separators == 0 || at == text.Length || !char.IsAsciiDigit(text[at])) continue;
            var digits = PrintedDigits.Read(text, ref at);
            if (digits.Dots > 1 || (at < text.Length && (char.IsLetter(text[at]) || text[at] == '_'))) continue;
            if (digits.Text.Length <= MaxStepDigits && digits.WholeNumber() is { } step) return step;
            sink.LeftOut(text[word..at], "a step is a whole number of at most 18 digits");
            return null;
        }

        return null;
    }

    private static bool IsStep(ReadOnlySpan<char> name) =>
        name.Equals("step", StringComparison.OrdinalIgnoreCase) || name.Equals("global_step", StringComparison.OrdinalIgnoreCase);

    private static bool Separates(char c) => c is ':' or '=' or '#' or '[' || char.IsWhiteSpace(c);

    private static bool BeginsWord(ReadOnlySpan<char> before)
    {
        if (before.EndsWith("global_", StringComparison.OrdinalIgnoreCase)) before = before[..^"global_".Length];
        return before.Length == 0 || !(char.IsLetterOrDigit(before[^1]) || before[^1] == '_');
    }
}
