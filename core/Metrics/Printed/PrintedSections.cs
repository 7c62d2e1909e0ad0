namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// What the numbers of a line are about, where it says so: <c>train: loss=0.5 | val: loss=0.6</c>, <c>Loss 0.5 - Test: Loss 0.6</c>,
/// <c>[val] epoch 3 loss 0.6</c>. What is measured on held-out data is another metric than the training's, and so is the best so far.
/// </summary>
internal static class PrintedSections
{
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> OfTraining = Set("train", "training");

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> OfOthers =
        Set("val", "valid", "validation", "validating", "test", "testing", "eval", "evaluation", "evaluating", "dev");

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Extremes =
        Set("best", "min", "max", "minimum", "maximum", "lowest", "highest");

    /// <summary>Goes on through the text from one metric to the next.</summary>
    /// <param name="section">Where it is; afterwards where it is at the end. Empty: nowhere, or in the training's.</param>
    /// <param name="between">What stands between two metrics.</param>
    /// <returns>The word of an extreme directly before the metric, a section aside; or nothing.</returns>
    public static ReadOnlySpan<char> Advance(ReadOnlySpan<char> between, ref ReadOnlySpan<char> section)
    {
        ReadOnlySpan<char> extreme = default;
        for (var at = 0; at < between.Length;)
        {
            var begin = at;
            while (at < between.Length && char.IsLetter(between[at])) at++;
            var word = between[begin..at];
            if (word.Length == 0)
            {
                // What stands before a comma or a bar is about something else.
                if (between[at] is not (' ' or ':')) extreme = default;
                at++;
                continue;
            }

            var isWhole = (begin == 0 || !IsOfName(between[begin - 1])) && (at == between.Length || !IsOfName(between[at]));
            if (isWhole && OfTraining.Contains(word)) section = default;
            else if (isWhole && OfOthers.Contains(word)) section = word;
            else extreme = isWhole && Extremes.Contains(word) ? word : default;
        }

        return extreme;
    }

    /// <summary>A metric's name with what it is about.</summary>
    public static string NameOf(ReadOnlySpan<char> name, ReadOnlySpan<char> section, ReadOnlySpan<char> extreme)
    {
        var own = extreme.Length == 0 ? name.ToString() : $"{extreme.ToString().ToLowerInvariant()} {name}";
        return section.Length == 0 || name.Contains(section, StringComparison.OrdinalIgnoreCase)
            ? own
            : $"{section.ToString().ToLowerInvariant()}/{own}";
    }

    private static bool IsOfName(char c) => char.IsLetterOrDigit(c) || c is '_' or '/' or '.' or '-' or '@';

    private static HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Set(params string[] words) =>
        new HashSet<string>(words, StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();
}
