using System.Buffers;

namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Numbers behind words, without a sign between them: <c>iter 100: loss 2.31, train acc 97.2%</c>, <c>Loss 6.9e+00 (7.0e+00)</c>. Only where the word
/// is one that people measure: what stands before other numbers in a sentence is no name.
/// </summary>
internal static class PrintedPhrases
{
    private static readonly SearchValues<char> Ends = SearchValues.Create(",;|\t()[]{}:=");

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Measures = Set(
        "loss", "acc", "accuracy", "err", "error", "ppl", "perplexity", "lr", "f1", "auc", "map", "mse", "mae", "rmse", "r2", "bleu", "rouge",
        "score", "reward", "return", "norm", "gnorm", "mfu", "precision", "recall", "iou", "miou", "dice", "top1", "top5", "acc1", "acc5", "wer",
        "cer", "psnr", "ssim", "fid", "kl", "entropy", "nll", "bpc", "bpb", "elbo", "logloss", "sparsity");

    /// <summary>Words that belong to the measure behind them.</summary>
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Kinds = Set(
        "train", "training", "val", "valid", "validation", "test", "eval", "dev", "avg", "average", "mean", "best", "running", "total");

    public static void Read(ReadOnlySpan<char> text, long step, IMetricSink sink)
    {
        ReadOnlySpan<char> section = default;
        while (text.Length > 0)
        {
            var end = EndOf(text);
            Phrase(end < 0 ? text : text[..end], step, ref section, sink);
            if (end < 0) return;
            text = text[(end + 1)..];
        }
    }

    // The comma of "loss 0,5" ends nothing, nor does the colon of a time.
    private static int EndOf(ReadOnlySpan<char> text)
    {
        for (var from = 0; text[from..].IndexOfAny(Ends) is >= 0 and var next; from += next + 1)
        {
            var end = from + next;
            if (text[end] is not (',' or ':') || end == 0 || end + 1 == text.Length) return end;
            if (!char.IsAsciiDigit(text[end - 1]) || !char.IsAsciiDigit(text[end + 1])) return end;
        }

        return -1;
    }

    private static void Phrase(ReadOnlySpan<char> text, long step, ref ReadOnlySpan<char> section, IMetricSink sink)
    {
        var read = 0;
        var (measure, kind, word) = (default(Range), default(Range?), default(Range));
        var isMeasure = false;
        for (var at = 0; at < text.Length;)
        {
            if (text[at] == ' ')
            {
                at++;
                continue;
            }

            var begin = at;
            if (isMeasure)
            {
                var value = PrintedNumber.Read(text, ref at);
                var name = text[(kind?.Start ?? measure.Start)..measure.End];
                var before = text[read..(kind?.Start ?? measure.Start)];
                if (value is { IsThere: true, Unclear: null }) Found(name, before, step, value.Value, ref section, sink);
                else if (value is { IsThere: true, Unclear: { } why }) sink.LeftOut(text[measure.Start..at], why);
                if (at > begin)
                {
                    (isMeasure, word, read) = (false, default, at);
                    continue;
                }
            }

            while (at < text.Length && text[at] != ' ') at++;
            kind = Kinds.Contains(text[word]) && word.End.Value + 1 == begin ? word : null;
            (word, measure, isMeasure) = (begin..at, begin..at, IsMeasure(text[begin..at]));
        }

        PrintedSections.Advance(text[read..], ref section);
    }

    private static void Found(
        ReadOnlySpan<char> name, ReadOnlySpan<char> before, long step, double value, ref ReadOnlySpan<char> section, IMetricSink sink)
    {
        var extreme = PrintedSections.Advance(before, ref section);
        if (section.Length + extreme.Length == 0) sink.Found(name, step, value);
        else sink.Found(PrintedSections.NameOf(name, section, extreme), step, value);
    }

    /// <summary><c>val_loss</c>, <c>train/acc</c> and <c>Acc@1</c> are measures, too.</summary>
    private static bool IsMeasure(ReadOnlySpan<char> word)
    {
        var at = word.IndexOf('@');
        if (at > 0) word = word[..at];
        return Measures.Contains(word[(word.LastIndexOfAny("_/.-") + 1)..]);
    }

    private static HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Set(params string[] words) =>
        new HashSet<string>(words, StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();
}
