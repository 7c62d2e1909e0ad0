using System.Globalization;
using System.Text;
using Serverless.Core.Metrics.Printed;

namespace Serverless.Tests.Metrics;

/// <summary>One printed line, and what a person reads in it. Never a number that does not stand there.</summary>
public sealed class PrintedMetricsTests
{
    [Theory]
    [InlineData("step 12 loss=0.31 acc: 0.9", "loss@12=0.31 acc@12=0.9")]
    [InlineData("[Step 2/10] loss: 4e-1, acc=50%, time 3.2s", "loss@2=0.4 acc@2=50")]
    [InlineData("train/loss=1 at global_step=7", "train/loss@7=1")]
    [InlineData("Step: 3 | a=.5 | b=5. | c=+3 | d=-0 (e=1)", "a@3=0.5 b@3=5 c@3=3 d@3=-0 e@3=1")]
    [InlineData("step 1 loss=nan a=-inf b=Infinity", "loss@1=NaN a@1=-Infinity b@1=Infinity")]
    [InlineData("step 4: it ends with loss=0.5.", "loss@4=0.5")]
    [InlineData("\ufeffstep 1 loss=1", "loss@1=1")]
    [InlineData("{step 5 loss=0.5}", "loss@5=0.5")]
    public void PlainNumbers_AreRead(string line, string expected) => Assert.Equal(expected, Read(line));

    [Theory]
    [InlineData("step 1 loss=0,31 acc=0.5", "loss@1=0.31 acc@1=0.5")]
    [InlineData("step 1 loss=0,31,acc=0,5", "loss@1=0.31 acc@1=0.5")]
    [InlineData("step 1 loss 0,31, acc 0,5", "loss@1=0.31 acc@1=0.5")]
    [InlineData("step 1 loss 0,31,5 acc 3ms", "?loss 0,31,5 ?acc 3ms")]
    [InlineData("step 1 v=1 000 000 loss=2", "?v=1 loss@1=2")]
    [InlineData("step 1 v=12 500", "?v=12")]
    [InlineData("step 1 v=1 5000 loss=1 100x", "v@1=1 loss@1=1")]
    [InlineData("step 1 acc=9 / 10 loss=2", "loss@1=2")]
    [InlineData("step 1 loss 1,234.5 acc 1.234,5", "loss@1=1234.5 acc@1=1234.5")]
    [InlineData("step 1 loss 12:30, acc 0.5", "acc@1=0.5")]
    [InlineData("step 1 v=1.5 e-3 w=5 k loss=1", "?v=1.5 ?w=5 loss@1=1")]
    [InlineData("step 1 v=5 × 10^3 w=5 x 10^3 e=1 eps=2", "?v=5 ?w=5 e@1=1 eps@1=2")]
    [InlineData("step 1 a=0,312 b=1234,567 c=1,5e-3 d=-12,5%", "a@1=0.312 b@1=1234.567 c@1=0.0015 d@1=-12.5")]
    [InlineData("step 1 tokens=1,234,567 a=1,234.5 b=1.234,5 c=1.234.567,8 d=1_000", "tokens@1=1234567 a@1=1234.5 b@1=1234.5 c@1=1234567.8 d@1=1000")]
    [InlineData("step 1,234 loss=2", "loss@1234=2")]
    [InlineData("step 1 acc=0.912,0.987 loss=1", "?acc=0.912,0.987 loss@1=1")]
    [InlineData("step 1 acc=0.912,987 loss=1", "?acc=0.912,987 loss@1=1")]
    [InlineData("step 1 acc=1.234,567.8 loss=1", "?acc=1.234,567.8 loss@1=1")]
    [InlineData("step 1 acc=1,234.567,8 loss=1", "?acc=1,234.567,8 loss@1=1")]
    [InlineData("step 1 acc=12.345,678 loss=1", "?acc=12.345,678 loss@1=1")]
    [InlineData("step 1 acc=12.345,678.901 loss=1", "?acc=12.345,678.901 loss@1=1")]
    [InlineData("step 1 acc=1,234,567.8,9 loss=1", "?acc=1,234,567.8,9 loss@1=1")]
    [InlineData("step 1 acc=1e1,5 loss=1", "?acc=1e1 loss@1=1")]
    [InlineData("step 1 acc=50%,60% loss=1", "?acc=50% loss@1=1")]
    [InlineData("step 1 a=1,234.567 b=0,312 loss=1", "a@1=1234.567 b@1=0.312 loss@1=1")]
    [InlineData("step 12.0 loss=2", "loss@12=2")]
    [InlineData("step 1 loss=5, 31 more", "loss@1=5")]
    public void CommasAndPoints_AreReadAsTheyAreMeant(string line, string expected) => Assert.Equal(expected, Read(line));

    [Theory]
    [InlineData("step 1 tokens=1,234 loss=1", "?tokens=1,234 loss@1=1")]
    [InlineData("step 1 z=0,31,5", "?z=0,31,5")]
    [InlineData("step 1 betas=0.9,.999", "?betas=0.9")]
    [InlineData("step 1 time=3.2s mem=45MB", "?time=3.2s ?mem=45MB")]
    [InlineData("step 1 speed=12it/s", "?speed=12it")]
    [InlineData("step 1 mem=45 MB, speed=12 it/s loss=0.5 s=3", "?mem=45 ?speed=12 loss@1=0.5 s@1=3")]
    [InlineData("step 1 m=1\u202f234,56 n=1\u00a0234 o=1\u2009234 p=1'234 q=1\u2019234 loss=2", "?m=1 ?n=1 ?o=1 ?p=1 loss@1=2")]
    [InlineData("step 1 flags=0x1F n=1_0", "?flags=0x1F ?n=1_0")]
    [InlineData("step 1 big=1e999 small=1e-999 zero=0e5", "?big=1e999 ?small=1e-999 zero@1=0")]
    [InlineData("step 1.5 loss=2", "?step 1.5")]
    [InlineData("step 1,2,3 loss=2", "?step 1,2,3")]
    [InlineData("step 1234567890123456789 loss=2", "?step 1234567890123456789")]
    [InlineData("""{"step":1,"big":1e999,"small":1e-999,"loss":0.5}""", "?big ?small loss@1=0.5")]
    public void WhatCannotBeReadForCertain_IsLeftOutAndTold(string line, string expected) => Assert.Equal(expected, Read(line));

    [Theory]
    [InlineData("step 1 at=12:30:11 date=2024-01-02 day: 02/01/2024")]
    [InlineData("step 1 version=1.2.3 ip=10.0.0.1 done=3/10 range=1-5")]
    [InlineData("12:30:11 a timestep 5 of x=1")]
    [InlineData("steps 5 loss=1")]
    [InlineData("--lr=0.1 is for step 5")]
    [InlineData("""{"event":"step","step":"train","loss":"low"}""")]
    public void WhatIsNoMetric_IsNone(string line) => Assert.Equal("", Read(line));

    [Theory]
    [InlineData("""{"step":1,"loss":0.3,"sample":"cut \ud83d"}""", "loss@1=0.3")]
    [InlineData("""{"step":1,"\udc00":1,"pair\ud83d\ude00":2}""", "\ufffd@1=1 pair😀@1=2")]
    [InlineData("""{"step":1,"loss":NaN,"note":": NaN ,","low":-Infinity}""", "loss@1=NaN low@1=-Infinity")]
    [InlineData("""{"step":1,"back\\slash":1,"note":"\\ud83d \"NaN\""}""", "back\\slash@1=1")]
    public void JsonAsProgramsWriteIt_IsRead(string line, string expected) => Assert.Equal(expected, Read(line));

    [Fact]
    public void BytesOfAnotherEncoding_AreReplaced()
    {
        Assert.Equal("loss@1=0.3", Read(Encoding.Latin1.GetBytes("""{"step": 1, "loss": 0.3, "file": "café.png"}""")));
        Assert.Equal("caf\ufffd@1=0.3", Read(Encoding.Latin1.GetBytes("step 1 café=0.3")));
    }

    /// <summary>A parser that looks at a character again for each one before it takes minutes for each of them.</summary>
    [Theory]
    [InlineData("step 1 a=", "8")]
    [InlineData("step 1 ", "a=")]
    [InlineData("step 1 ", "a=1")]
    [InlineData("step 1 ", "a=1,2,")]
    [InlineData("", "step ")]
    [InlineData("", "step 1.")]
    [InlineData("step 1 a=", "1,")]
    [InlineData("epoch 1 ", "loss ")]
    [InlineData("epoch 1 ", "train loss 1 ")]
    [InlineData("epoch 1 ", "1's ")]
    [InlineData("", "epoch 1 [1/2] ")]
    [InlineData("", "1%|1/2|")]
    [InlineData("Train: 1 ", "[1/2]")]
    [InlineData("[1]\t", "a:1/2 (")]
    [InlineData("{'step': 1, 'a': ", "np(")]
    [InlineData("{'step': 1, 'a': '", "\\x")]
    [InlineData("Test a=1/", "1")]
    [InlineData("step 1 ", "\u001b[")]
    [InlineData("step 1 ", "\u001b]")]
    [InlineData("{\"step\":1,\"a\":\"", "\\ud83d")]
    [InlineData("{\"step\":1,\"a\":", "[")]
    public async Task MegabyteOfAnything_TakesLinearTime(string beginning, string repeated)
    {
        var line = Encoding.UTF8.GetBytes(beginning + string.Concat(Enumerable.Repeat(repeated, LineSplitter.MaxLine / repeated.Length)));

        var reading = Task.Run(() => new PrintedMetrics().Read(TerminalEscapes.Remove(line), new Sink()), TestContext.Current.CancellationToken);
        await reading.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    private static string Read(string line) => Read(Encoding.UTF8.GetBytes(line));

    private static string Read(byte[] line)
    {
        var sink = new Sink();
        new PrintedMetrics().Read(line, sink);
        return string.Join(" ", sink.Seen);
    }

    private sealed class Sink : IMetricSink
    {
        public List<string> Seen { get; } = [];

        public void Found(ReadOnlySpan<char> name, long step, double value) =>
            Seen.Add(string.Create(CultureInfo.InvariantCulture, $"{name}@{step}={value}"));

        public void LeftOut(ReadOnlySpan<char> what, string why) => Seen.Add($"?{what}");
    }
}
