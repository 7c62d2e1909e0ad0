using System.Buffers;
using System.Globalization;

namespace Serverless.Core.Metrics.Printed;

/// <summary>How far something is: 422 of 938.</summary>
internal readonly record struct Progress(long Done, long Total);

/// <summary>Where a printed line is.</summary>
/// <param name="IsOfEpoch">The step was made of the number of an epoch.</param>
internal readonly record struct PrintedPlace(long Step, bool IsOfEpoch);

/// <summary>Where a printed line is in the training: which number in it is the step.</summary>
internal static class PrintedStep
{
    private const int MaxStepDigits = 18, MaxSeparators = 4, MaxEpochs = 1_000_000_000;

    /// <summary>Of an epoch that is written with a fraction (0.34) these many make one.</summary>
    private const int Thousandths = 1000;

    private const string Epoch = "epoch", Batch = "batch";

    /// <summary>
    /// Words before the number that says where: first those for a step that counts through the whole training, in the order in which they are
    /// believed. Longer ones stand before those that they begin with.
    /// </summary>
    private static readonly string[] Words =
        ["step", "num_updates", "iteration", "iter", "it", "update", "episode", "round", "trial", Epoch, Batch];

    private static readonly SearchValues<string> AnyWord = SearchValues.Create(Words, StringComparison.OrdinalIgnoreCase);

    private static readonly string[] Evaluations = ["test", "validation", "valid", "val", "evaluation", "eval", "dev"];

    /// <summary>Names that say where, and are no metrics. <c>v_num</c> is a version in Lightning's progress bar.</summary>
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> StepNames =
        new HashSet<string>([.. Words.Except([Epoch]), "global_step", "v_num"], StringComparer.OrdinalIgnoreCase)
            .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The step of an epoch that is written with a fraction; null: no training has so many.</summary>
    public static long? InThousandths(double epoch) => Math.Abs(epoch) < MaxEpochs ? (long)Math.Round(epoch * Thousandths) : null;

    /// <summary>Whether a name with a number says where, and is no metric.</summary>
    public static bool IsStepName(ReadOnlySpan<char> name, double value, PrintedPlace place) => StepNames.Contains(name)
        || (place.IsOfEpoch && double.IsInteger(value)
            && (name.Equals(Epoch, StringComparison.OrdinalIgnoreCase) || name.Equals("train", StringComparison.OrdinalIgnoreCase)));

    /// <summary>
    /// A step counts by itself; within an epoch whose length is known, epochs and what is done of the last are counted through. An epoch alone is the
    /// step, one with a fraction in thousandths.
    /// </summary>
    /// <param name="bar">How far a progress bar in the line is; null: there is none.</param>
    public static PrintedPlace? In(ReadOnlySpan<char> text, Progress? bar, IMetricSink sink)
    {
        if (!Find(text, sink, out var step, out var epoch, out var batch)) return null;
        epoch ??= Timm(text);
        if (step is { } counted && (epoch is null || counted.Total is null || counted.Value > counted.Total)) return new(counted.Value, false);
        if (epoch is not { } current) return (bar?.Done ?? batch?.Value) is { } done ? new(done, false) : null;
        var place = step?.Progress ?? bar ?? Behind(text[current.End..]) ?? batch?.Progress;
        return place is { Total: > 0 } of && !current.IsFraction && current.Value < MaxEpochs && of.Total < MaxEpochs
            ? new((current.Value * of.Total) + of.Done, true)
            : new(current.Value, true);
    }

    /// <summary><c>[12]\ttrain-rmse:0.31</c> and <c>12:\tlearn: 0.31\ttest: 0.33</c>, as gradient boosting prints its rounds.</summary>
    public static bool IsBoosting(ReadOnlySpan<char> text, out long round)
    {
        round = 0;
        var begin = text[0] == '[' ? 1 : 0;
        var end = begin;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        return end > begin && end - begin <= MaxStepDigits && end + 1 < text.Length && text[end] == (begin == 1 ? ']' : ':')
            && (text[end + 1] == '\t' || (begin == 1 && text[end + 1] == ' ' && text.IndexOf(':') >= 0))
            && long.TryParse(text[begin..end], NumberStyles.None, CultureInfo.InvariantCulture, out round);
    }

    /// <summary><c>Epoch 3/20</c> and nothing else.</summary>
    public static long? IsAnnouncedEpoch(ReadOnlySpan<char> text)
    {
        if (!text.StartsWith("epoch", StringComparison.OrdinalIgnoreCase)) return null;
        var rest = text["epoch".Length..].TrimStart(" :");
        return FractionAt(rest) is { } of && rest.IndexOfAnyExcept("0123456789/".AsSpan()) < 0 ? of.Done : null;
    }

    /// <summary>The whole numbers <c>12/938</c> that a text begins with.</summary>
    public static Progress? FractionAt(ReadOnlySpan<char> text)
    {
        var at = 0;
        return Number(text, ref at) is { } done && Total(text, ref at) is { } total ? new(done, total) : null;
    }

    /// <summary>What a line that begins so is about: <c>Test set: …</c>, <c>Validation accuracy: …</c>.</summary>
    public static string? EvaluationOf(ReadOnlySpan<char> text)
    {
        foreach (var word in Evaluations)
        {
            if (text.StartsWith(word, StringComparison.OrdinalIgnoreCase) && text[word.Length..] is [' ' or ':', ..]) return word;
        }

        return null;
    }

    // "Train: 3 [  50/1251 (  4%)]".
    private static Place? Timm(ReadOnlySpan<char> text)
    {
        const string train = "train:";
        if (!text.StartsWith(train, StringComparison.OrdinalIgnoreCase)) return null;
        var at = train.Length;
        while (at < text.Length && text[at] == ' ') at++;
        return Number(text, ref at) is { } epoch && Behind(text[at..]) is not null ? new(epoch, null, at) : null;
    }

    // Directly behind an epoch: "[640/60000 (1%)]", "[  10/5005]", ":  45 / 1234".
    private static Progress? Behind(ReadOnlySpan<char> text)
    {
        var at = 0;
        while (at < text.Length && at < 16 && text[at] is ' ' or ':' or ']' or '[' or ',') at++;
        return at > 0 ? FractionAt(text[at..]) : null;
    }

    /// <summary>The first numbers that stand behind the words: <c>step 12</c>, <c>[Step 12/100]</c>, <c>global_step=12</c>.</summary>
    /// <returns>False: the step is no whole number, which was told.</returns>
    private static bool Find(ReadOnlySpan<char> text, IMetricSink sink, out Place? step, out Place? epoch, out Place? batch)
    {
        (step, epoch, batch) = (null, null, null);
        var believed = int.MaxValue;
        for (int at = 0, next; (next = text[at..].IndexOfAny(AnyWord)) >= 0;)
        {
            var begin = at + next;
            var rank = RankAt(text[begin..]);
            var word = Words[rank];
            at = begin + word.Length;
            if (!BeginsWord(text[..begin])) continue;
            var separators = 0;
            for (; separators < MaxSeparators && at < text.Length && Separates(text[at]); at++) separators++;
            if (separators == 0 || at == text.Length || !char.IsAsciiDigit(text[at])) continue;
            var digits = PrintedDigits.Read(text, ref at);
            if (digits.Dots > 1 || (at < text.Length && (char.IsLetter(text[at]) || text[at] == '_'))) continue;
            if (PrintedNumber.IsGroup(text[at..]) && digits is { Dots: 0, Text.Length: <= 3 })
            {
                sink.LeftOut(text[begin..at], "the spaces behind it can be read in more than one way");
                return false;
            }

            if (word == Epoch) epoch ??= EpochOf(digits, text, ref at);
            else if (digits.Text.Length <= MaxStepDigits && digits.WholeNumber() is { } whole)
            {
                var place = new Place(whole, Total(text, ref at), at);
                if (word == Batch) batch ??= place;
                else if (rank < believed) (step, believed) = (place, rank);
            }
            else if (word != Batch && step is null)
            {
                sink.LeftOut(text[begin..at], "a step is a whole number of at most 18 digits");
                return false;
            }
        }

        return true;
    }

    private static int RankAt(ReadOnlySpan<char> text)
    {
        var rank = 0;
        while (!text.StartsWith(Words[rank], StringComparison.OrdinalIgnoreCase)) rank++;
        return rank;
    }

    private static Place? EpochOf(PrintedDigits digits, ReadOnlySpan<char> text, ref int at)
    {
        if (digits.Text.Length > MaxStepDigits) return null;
        if (digits.Dots == 0) return digits.WholeNumber() is { } whole ? new(whole, Total(text, ref at), at) : null;
        return digits.Number([]) is { } part && InThousandths(part) is { } step ? new(step, null, at, IsFraction: true) : null;
    }

    private static long? Total(ReadOnlySpan<char> text, ref int at)
    {
        var from = at;
        while (at < text.Length && at - from < 2 && text[at] == ' ') at++;
        if (at < text.Length && text[at] == '/')
        {
            at++;
            while (at < text.Length && at - from < 5 && text[at] == ' ') at++;
            if (Number(text, ref at) is { } total && !(at < text.Length && (char.IsLetter(text[at]) || text[at] is '.' or '/'))) return total;
        }

        at = from;
        return null;
    }

    private static long? Number(ReadOnlySpan<char> text, ref int at)
    {
        var from = at;
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        return at > from && at - from <= MaxStepDigits
            && long.TryParse(text[from..at], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static bool Separates(char c) => c is ':' or '=' or '#' or '[' || char.IsWhiteSpace(c);

    private static bool BeginsWord(ReadOnlySpan<char> before)
    {
        if (before.EndsWith("global_", StringComparison.OrdinalIgnoreCase)) before = before[..^"global_".Length];
        return before.Length == 0 || !(char.IsLetterOrDigit(before[^1]) || before[^1] is '_' or '/');
    }

    /// <param name="Total">As in 12/100; null: it is not said.</param>
    /// <param name="End">Where reading goes on.</param>
    /// <param name="IsFraction">Counted in thousandths.</param>
    private readonly record struct Place(long Value, long? Total, int End, bool IsFraction = false)
    {
        public Progress? Progress => Total is { } total ? new(Value, total) : null;
    }
}
