using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Serverless.Core.Metrics.Printed;

namespace Serverless.Bench.Measures;

/// <summary>What a worker pays, on one core, to find the metrics in what code prints.</summary>
sealed partial class ParseLogs : IMeasure
{
    private const int Bytes = 16 << 20;

    public string Name => "parse";
    public string What => "finding metrics in what code prints, on one core";

    public Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel) => Task.FromResult<IReadOnlyList<Row>>(
    [
        Row(bench, "a training's log: a tenth of its lines have metrics", i => i % 10 == 0 ? Metric(i / 10) : Message(i), new(100, AtLeast: true)),
        Row(bench, "metrics on each line, in ten formats", Metric, null),
        Row(bench, "log lines with dates and numbers, no metrics", i => Message(i * 4), null),
    ]);

    // Messages as servers, loaders and libraries print them.
    private static string Message(int i) => (i % 4) switch
    {
        0 => Line($"2026-11-27 10:{i / 60 % 60:00}:{i % 60:00},{i % 1000:000} INFO  [loader-{i % 8}] {i} of 4096 in {i % 97 / 10.0} s from 10.0.0.7"),
        1 => "  File \"/usr/lib/python3/site-packages/torch/nn/modules/module.py\", line 1511, in _wrapped_call_impl",
        2 => "UserWarning: The given buffer is not writable, and PyTorch does not support non-writable tensors.",
        _ => Line($"    (conv{i % 9}): Conv2d(64, 128, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)"),
    };

    private static string Metric(int i)
    {
        var (loss, acc) = (1.0 / (i % 1000 + 1), i % 1000 / 1000.0);
        return (i % 10) switch
        {
            0 => Line($"step {i} loss={loss:0.0000} acc={acc:0.000}"),
            1 => Line($"Epoch {i % 90}/90 - 3s - loss: {loss:0.0000} - val_loss: {loss:0.0000} - val_accuracy: {acc:0.000}"),
            2 => Line($"{{'loss': {loss:0.0000}, 'grad_norm': {acc:0.000}, 'learning_rate': 1e-05, 'epoch': {i / 100.0:0.00}}}"),
            3 => Line($"{{\"step\":{i},\"loss\":{loss:0.0000},\"lr\":0.001}}"),
            4 => Line($"Train Epoch: {i % 14} [{i % 938 * 64}/60000 ({i % 100}%)]\tLoss: {loss:0.000000}"),
            5 => Line($"[{i}]\ttrain-rmse:{loss:0.00000}\tval-rmse:{acc:0.00000}"),
            6 => Line($"{i % 100,3}%|███▊      | {i % 1000}/1000 [00:12<00:48, 20.5it/s, loss={loss:0.000}]"),
            7 => Line($"Epoch: [{i % 90}][{i % 5005}/5005]\tTime  0.212 ( 0.240)\tLoss 6.9{i % 100:00}e+00 (6.8e+00)\tAcc@1   0.39 (  0.20)"),
            8 => Line($"epoch {i % 90} iter {i}: train loss {loss:0.0000}, val loss {loss:0.0000}, lr 6.0e-04"),
            _ => Line($"INFO:train:[Step {i}] loss = {loss:0.0000} | accuracy = {acc * 100:0.0}% | throughput = 12,345 samples/s"),
        };
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static Row Row(Bench bench, string what, Func<int, string> line, Target? target)
    {
        var size = bench.Times(Bytes, 1 << 16);
        var text = new StringBuilder();
        for (var i = 0; text.Length < size; i++) text.Append(line(i)).Append('\n');
        var log = Encoding.UTF8.GetBytes(text.ToString());
        return new(what, "MB/s", Speed(bench, log, Ours), Target: target,
            Baseline: new("a compiled regular expression for name=number, line by line", Speed(bench, log, Regular)));
    }

    private static Samples Speed(Bench bench, byte[] log, Action<byte[]> parse)
    {
        // The compiler has several goes at what runs often.
        for (var i = 0; i < bench.Times(5, 1); i++) parse(log);
        return new(Enumerable.Range(0, bench.Times(7, 1)).Select(_ =>
        {
            var began = Stopwatch.GetTimestamp();
            parse(log);
            return log.Length / 1e6 / Stopwatch.GetElapsedTime(began).TotalSeconds;
        }));
    }

    private static void Ours(byte[] log)
    {
        var found = new Counter();
        var printed = new PrintedMetrics();
        var lines = new LineSplitter(line => printed.Read(line, found), () => { });

        // In pieces, as they come from a pipe.
        for (var at = 0; at < log.Length; at += 1 << 16) lines.Add(log.AsSpan(at, Math.Min(1 << 16, log.Length - at)));
        lines.End();
    }

    private static void Regular(byte[] log)
    {
        using var lines = new StreamReader(new MemoryStream(log));
        var sum = 0.0;
        while (lines.ReadLine() is { } line)
        {
            foreach (var match in NameAndNumber().EnumerateMatches(line))
            {
                var pair = line.AsSpan(match.Index, match.Length);
                var at = pair.IndexOfAny('=', ':');
                if (double.TryParse(pair[(at + 1)..], CultureInfo.InvariantCulture, out var value)) sum += value;
            }
        }

        GC.KeepAlive(sum);
    }

    [GeneratedRegex(@"[A-Za-z_][\w/]*\s*[=:]\s*[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")]
    private static partial Regex NameAndNumber();

    private sealed class Counter : IMetricSink
    {
        private long all;

        public void Found(ReadOnlySpan<char> name, long step, double value) => all++;

        public void LeftOut(ReadOnlySpan<char> what, string why) => all++;
    }
}
