using System.Buffers;
using System.Text;

namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Metrics in what training code of all kinds prints, line after line: numbers with a name beside a step, an epoch, an iteration or a progress bar,
/// objects of JSON and Python, tables, and the formats of the common libraries. What it knows from earlier lines is the epoch that was announced,
/// the table that was begun, and the last step.
/// </summary>
/// <remarks>Everything here looks at each character a bounded number of times: a line may be a megabyte of anything.</remarks>
/// <param name="patterns">Lines in a format of the code's own; null: there is none.</param>
internal sealed class PrintedMetrics(MetricPatterns? patterns = null)
{
    private const int Shortest = 4;

    /// <summary>Without one of these, a line that begins with a letter has no step.</summary>
    private static readonly SearchValues<string> Words = SearchValues.Create(
        ["step", "epoch", "iter", "batch", "update", "episode", "round", "trial", "train:", "%|", "it ", "it=", "it:"],
        StringComparison.OrdinalIgnoreCase);

    private readonly MetricPatterns? patterns = patterns;
    private readonly PrintedTable table = new();
    private readonly ProgressBar bar = new();
    private long? announcedEpoch, lastStep;

    public void Read(ReadOnlySpan<byte> line, IMetricSink sink)
    {
        var bytes = JsonMetrics.WithoutByteOrderMark(line).Trim(" \t"u8);
        if (bytes.Length == 0) return;
        if (patterns is null && IsNothing(bytes)) return;
        if (bytes[0] == (byte)'{' && patterns is null && ReadObject(bytes, sink)) return;
        var characters = ArrayPool<char>.Shared.Rent(bytes.Length);
        try
        {
            var text = characters.AsSpan(0, Encoding.UTF8.GetChars(bytes, characters));
            if (patterns?.Read(text, ref lastStep, sink) is true || IsNothing(bytes)) return;
            if (patterns is null || bytes[0] != (byte)'{' || !ReadObject(bytes, sink)) Read(text, sink);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(characters);
        }
    }

    private static bool IsNothing(ReadOnlySpan<byte> bytes) =>
        bytes.Length < Shortest || (bytes.IndexOfAnyInRange((byte)'0', (byte)'9') < 0 && !PrintedTable.MayBegin(bytes));

    /// <returns>False: it is something else.</returns>
    private bool ReadObject(ReadOnlySpan<byte> bytes, IMetricSink sink)
    {
        var steps = new StepsOf(sink);
        var isPython = PythonLiteral.TryConvert(bytes, out var json);
        _ = JsonMetrics.Read(isPython ? json : bytes, steps, out var isJson, numbersInQuotes: isPython);
        lastStep = steps.Last ?? lastStep;
        return isJson;
    }

    private void Read(ReadOnlySpan<char> text, IMetricSink sink)
    {
        if (table.Read(text, lastStep, sink) is { } row)
        {
            lastStep = row.Step ?? lastStep;
            return;
        }

        if (ReadAnnounced(text, sink)) return;
        if (PrintedStep.IsBoosting(text, out var boosting)) ReadPairs(text, new(boosting, false), sink);
        else if (char.IsAsciiLetter(text[0]) || text[0] is '[' or '<' or '-' or '(' || !char.IsAscii(text[0]) || text.IndexOfAny(Words) >= 0)
        {
            ReadLine(text, sink);
        }
    }

    private void ReadLine(ReadOnlySpan<char> text, IMetricSink sink)
    {
        if (text.IndexOfAny(Words) < 0)
        {
            ReadEvaluation(text, sink);
            return;
        }

        var place = ProgressBar.PlaceIn(text);
        var step = PrintedStep.In(text, place, sink);
        if (step is null)
        {
            ReadEvaluation(text, sink);
            return;
        }

        if (place is null) ReadPairs(text, step.Value, sink);
        else if (place.Value.Done > 0) ReadPairs(text, step.Value, bar.At(step.Value.Step, sink));
    }

    /// <summary>
    /// <c>Epoch 3/20</c> on a line of its own, and then <c>1875/1875 ━━━━ 3s 1ms/step - loss: 0.42 - val_loss: 0.44</c>: what stands there when the
    /// epoch is over is the epoch's.
    /// </summary>
    private bool ReadAnnounced(ReadOnlySpan<char> text, IMetricSink sink)
    {
        if (PrintedStep.IsAnnouncedEpoch(text) is { } epoch)
        {
            announcedEpoch = epoch;
            return true;
        }

        if (announcedEpoch is not { } current || !char.IsAsciiDigit(text[0]) || text.IndexOf(" - ") < 0
            || PrintedStep.FractionAt(text) is not { } place) return false;
        if (place.Done == place.Total) ReadPairs(text, new(current, true), sink);
        return true;
    }

    /// <summary><c>Test set: Average loss: 0.0483, Accuracy: 9840/10000 (98%)</c>: a line of its own about where the training is.</summary>
    private void ReadEvaluation(ReadOnlySpan<char> text, IMetricSink sink)
    {
        if (lastStep is not { } step || PrintedStep.EvaluationOf(text) is not { } what) return;
        foreach (var pair in new PrintedPairs(text))
        {
            if (pair.Value.Unclear is { } why) sink.LeftOut(text[pair.Whole], why);
            else if (pair.Name.StartsWith(what, StringComparison.OrdinalIgnoreCase)) sink.Found(pair.Name, step, pair.Value.Value);
            else sink.Found($"{what}/{pair.Name}", step, pair.Value.Value);
        }
    }

    private void ReadPairs(ReadOnlySpan<char> text, PrintedPlace place, IMetricSink sink)
    {
        lastStep = place.Step;
        ReadOnlySpan<char> section = default;
        var end = 0;
        foreach (var pair in new PrintedPairs(text))
        {
            var extreme = PrintedSections.Advance(text[end..pair.Whole.Start], ref section);
            end = pair.Whole.End.Value;
            if (PrintedStep.IsStepName(pair.Name, pair.Value.Value, place) || ProgressBar.IsItsOwn(text, pair.Whole)) continue;
            if (pair.Value.Unclear is { } why) sink.LeftOut(text[pair.Whole], why);
            else if (section.Length + extreme.Length == 0) sink.Found(pair.Name, place.Step, pair.Value.Value);
            else sink.Found(PrintedSections.NameOf(pair.Name, section, extreme), place.Step, pair.Value.Value);
        }

        PrintedPhrases.Read(text, place.Step, sink);
    }

    /// <summary>Passes on, and remembers the step.</summary>
    private sealed class StepsOf(IMetricSink sink) : IMetricSink
    {
        public long? Last { get; private set; }

        public void Found(ReadOnlySpan<char> name, long step, double value)
        {
            Last = step;
            sink.Found(name, step, value);
        }

        public void LeftOut(ReadOnlySpan<char> what, string why) => sink.LeftOut(what, why);
    }
}
