using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Logs;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;

namespace Serverless.Tests.Worker.Capture;

/// <summary>What becomes of a log, and of a long one. <see cref="CaptureRig.LogLimit"/> is a MiB here.</summary>
public sealed partial class LogCaptureTests : IDisposable
{
    private readonly CaptureRig rig = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => rig.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(-100_000)]
    public async Task UpToItsLimit_ALogIsKeptByteForByte(int beyond)
    {
        var printed = Lines(CaptureRig.LogLimit + beyond);
        foreach (var piece in printed.Chunk(4099)) rig.Prints(piece);

        await rig.Ends();

        Assert.Equal(printed, await rig.LogBytes());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10_000)]
    [InlineData(8_000_000)]
    public async Task BeyondItsLimit_BeginningAndEndAreKept_AndEveryMissingByteIsCounted(int beyond)
    {
        var printed = Lines(CaptureRig.LogLimit + beyond);
        foreach (var piece in printed.Chunk(64 * 1024))
        {
            rig.Prints(piece);
            await rig.Log.Flush(Cancel);
        }

        await rig.Ends();

        var log = await rig.LogBytes();
        var text = Encoding.UTF8.GetString(log);
        var gaps = Gap().Matches(text);
        var missing = gaps.Sum(gap => long.Parse(gap.Groups[1].ValueSpan, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));

        // Before a gap that begins inside a line the line is ended.
        Assert.InRange(log.Length - gaps.Sum(gap => gap.Length) + missing, printed.Length, printed.Length + gaps.Count);
        Assert.Equal(printed[..(int)(CaptureRig.LogLimit / 2)], log[..(int)(CaptureRig.LogLimit / 2)]);
        Assert.Equal(printed[^100_000..], log[^100_000..]);
        Assert.InRange(log.Length, 0, CaptureRig.LogLimit * 2);

        // In their order, and none twice.
        var numbers = Numbered().Matches(text).Select(line => long.Parse(line.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(numbers.Distinct().Order(), numbers);
    }

    [Fact]
    public async Task WhoFollowsALongLog_SeesItGrowOnly()
    {
        var reader = new LogReader(rig.Store, rig.Time);
        var seen = new List<byte>();
        foreach (var piece in Lines(8 * CaptureRig.LogLimit).Chunk(100_000))
        {
            rig.Prints(piece);
            await rig.Log.Flush(Cancel);
            await Follow();
        }

        await rig.Ends();
        await Follow();

        Assert.Equal(await rig.LogBytes(), seen);

        async Task Follow()
        {
            var length = (await reader.Measure(rig.Run, cancel: Cancel)).Length;
            Assert.InRange(length, seen.Count, long.MaxValue);
            await foreach (var bytes in reader.Read(rig.Run, seen.Count, length, cancel: Cancel)) seen.AddRange(bytes);
        }
    }

    [Fact]
    public async Task WhatTheWorkerSays_IsKeptInALongLogToo()
    {
        rig.Prints(Lines(3 * CaptureRig.LogLimit / 2));
        rig.Log.Say("a word in between");
        rig.Prints(Lines(3 * CaptureRig.LogLimit));
        rig.Log.Close();
        rig.Log.Say("the last word");

        await rig.Ends();

        var log = await rig.LogText();
        Assert.Contains("\n[worker] a word in between\n", log, StringComparison.Ordinal);
        Assert.EndsWith("\n[worker] the last word\n", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LastLine_IsKnown_HoweverLongTheLogAndWhateverItsColour()
    {
        rig.Prints(Lines(2 * CaptureRig.LogLimit)).Prints("\n\u001b[31mValueError: bad shape\u001b[0m\n\r\u001b[K").Prints("\u001b[0m");

        Assert.Equal("; the last line of its log: ValueError: bad shape", rig.Log.LastLineClause());
        await rig.Ends();
    }

    [Fact]
    public async Task Marker_StandsWhereItWasPrinted_HoweverItIsCut()
    {
        foreach (var piece in CaptureRig.Bytes("before\n\u001eexp:7\nafter\n").Chunk(1)) rig.Prints(piece);

        var place = await rig.Log.PlaceOf("7", TimeSpan.Zero, rig.Time, Cancel);

        Assert.Equal(new StreamCursor(0, 7), place);
        Assert.Equal("before\nafter\n", await rig.LogText());
    }

    [Fact]
    public async Task MarkerInTheMiddleOfALongLog_StandsAtTheEndOfWhatIsStored()
    {
        rig.Prints(Lines(4 * CaptureRig.LogLimit)).Prints("\u001eexp:7\n").Prints(Lines(CaptureRig.LogLimit));

        var place = await rig.Log.PlaceOf("7", TimeSpan.Zero, rig.Time, Cancel);
        await rig.Ends();

        var log = await rig.LogBytes();
        Assert.InRange(place.LengthBytes, CaptureRig.LogLimit / 2, log.Length - 100_000);
        Assert.True(await rig.Store.Head(WorkspacePaths.LogSegment(rig.Run.Id, 1, place.Segment), Cancel) is { Value: not null });
    }

    [Fact]
    public async Task PumpNeverEndsItsThreadByAnException_AndReadsOn()
    {
        using var log = new LogCollector(new(rig.Store, _ => "x", new(rig.Time, NullLogger.Instance)), new Faulty(), rig.Time, CaptureRig.LogLimit);

        await LogPump.Start(new MemoryStream(CaptureRig.Bytes("one\ntwo\n")), log).Drained();
        log.Close();
        await log.Flush(Cancel);

        var stored = Encoding.UTF8.GetString((await rig.Store.Get("x", cancel: Cancel))!.Body);
        Assert.StartsWith("one\ntwo\n[worker] a fault of the worker: ", stored, StringComparison.Ordinal);
    }

    private static byte[] Lines(long length)
    {
        var text = new StringBuilder();
        for (var i = 0; text.Length < length; i++) text.Append(CultureInfo.InvariantCulture, $"line {i:D50}\n");
        return Encoding.UTF8.GetBytes(text.ToString())[..(int)length];
    }

    [GeneratedRegex(@"^line (\d{50})$", RegexOptions.Multiline)]
    private static partial Regex Numbered();

    [GeneratedRegex(@"\[worker\] ([\d,]+) bytes of the log are left out here: it is longer than its limit\n")]
    private static partial Regex Gap();

    private sealed class Faulty : IPrintedLines
    {
        public void AwaitRoom()
        {
        }

        public long? Read(ReadOnlySpan<byte> line, DateTimeOffset arrived) => throw new InvalidOperationException("a fault");

        public void TooLong() => throw new InvalidOperationException("a fault");
    }
}
