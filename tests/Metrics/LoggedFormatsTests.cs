using System.Buffers.Binary;
using System.Text;
using Serverless.Contract;
using Serverless.Core.Metrics.Logged;
using Serverless.Tests.Support;

namespace Serverless.Tests.Metrics;

/// <summary>What libraries log to files, in whatever pieces it comes.</summary>
public sealed class LoggedFormatsTests
{
    private static readonly DateTimeOffset Now = SampleRuns.Noon;

    /// <summary>TensorFlow 2 and Keras keep scalars as tensors without dimensions.</summary>
    [Theory]
    [InlineData(new byte[] { 0x08, 1, 0x12, 0, 0x22, 4, 0, 0, 0, 0x3f }, 0.5)]
    [InlineData(new byte[] { 0x08, 1, 0x12, 0, 0x2a, 4, 0, 0, 0, 0x3f }, 0.5)]
    [InlineData(new byte[] { 0x08, 1, 0x2d, 0, 0, 0, 0x3f }, 0.5)]
    [InlineData(new byte[] { 0x08, 2, 0x22, 8, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f }, 0.5)]
    [InlineData(new byte[] { 0x08, 2, 0x32, 8, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f }, 0.5)]
    [InlineData(new byte[] { 0x08, 2, 0x31, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f }, 0.5)]
    [InlineData(new byte[] { 0x08, 3, 0x22, 4, 7, 0, 0, 0 }, 7.0)]
    [InlineData(new byte[] { 0x08, 9, 0x22, 8, 7, 0, 0, 0, 0, 0, 0, 0 }, 7.0)]
    [InlineData(new byte[] { 0x08, 9, 0x50, 7 }, 7.0)]
    [InlineData(new byte[] { 0x08, 1, 0x12, 4, 0x12, 2, 0x08, 1, 0x22, 4, 0, 0, 0, 0x3f }, 0.5)]
    [InlineData(new byte[] { 0x08, 1, 0x12, 4, 0x12, 2, 0x08, 2, 0x22, 4, 0, 0, 0, 0x3f }, null)]
    [InlineData(new byte[] { 0x08, 7, 0x42, 1, 0x61 }, null)]
    [InlineData(new byte[] { 0x08, 1, 0x22, 8, 0, 0, 0, 0x3f, 0, 0, 0, 0x3f }, null)]
    public void ATensorWithOneElement_IsAScalar(byte[] tensor, double? value)
    {
        byte[] summary = [0x0a, 3, .. "acc"u8, 0x42, (byte)tensor.Length, .. tensor];
        byte[] content = [0x10, 12, 0x2a, (byte)(summary.Length + 2), 0x0a, (byte)summary.Length, .. summary];
        Assert.Equal(value is { } one ? [("acc", 12L, one)] : [], Read(new EventFile(""), Record(content)).Select(point => (point.Name, point.Step, point.Value)));
    }

    [Fact]
    public void WhatAnotherLibraryWrote_IsRead_HoweverItIsCut()
    {
        var bytes = WrittenByTorchSharp();
        var whole = Read(new EventFile("val/"), bytes);
        Assert.Equal(
            [("val/loss", 0L, 1.5f), ("val/loss", 7, 0.3f), ("val/acc/größe", 7, float.NaN), ("val/loss", -1, float.NegativeInfinity)],
            whole.Select(point => (point.Name, point.Step, (float)point.Value)));
        Assert.All(whole, point => Assert.InRange(point.At, DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(200)));
        foreach (var size in (int[])[1, 2, 7, 11, 12, 13, 64])
        {
            var inPieces = new List<MetricPoint>();
            var file = new EventFile("val/");
            foreach (var piece in bytes.Chunk(size)) file.Add(piece, Now, inPieces);
            Assert.Equal(whole, inPieces);
            Assert.Null(file.Problem);
        }
    }

    [Fact]
    public void LongEvents_AreSkipped_AndWhatFollowsIsRead()
    {
        var bytes = WrittenByTorchSharp();
        byte[] image = Record(new byte[3_000_000]);
        Assert.Equal(Read(new EventFile(""), bytes).Count * 2, Read(new EventFile(""), [.. bytes, .. image, .. bytes]).Count);
    }

    [Fact]
    public void DamagedEventFiles_AreReadUpToTheDamage_AndNothingElseHappens()
    {
        var bytes = WrittenByTorchSharp();
        var whole = Read(new EventFile(""), bytes);
        var random = new Random(5);
        for (var i = 0; i < 20_000; i++)
        {
            byte[] other = [.. bytes];
            other[random.Next(other.Length)] ^= (byte)(1 << random.Next(8));
            var file = new EventFile("");
            var found = Read(file, other);
            Assert.True(whole.Count >= found.Count && whole.Take(found.Count).SequenceEqual(found));
            Assert.True(file.Problem is not null || found.Count < whole.Count);
        }

        Assert.Equal("it is no event file from byte 0 on", ProblemOf(new EventFile(""), "a text that is no event file"u8.ToArray()));
    }

    [Fact]
    public void ContentsThatAreNoEvents_ThrowNothing()
    {
        var random = new Random(6);
        for (var i = 0; i < 20_000; i++)
        {
            var content = new byte[random.Next(60)];
            random.NextBytes(content);
            if (content.Length > 2 && random.Next(2) == 0) (content[0], content[1]) = (0x2a, (byte)(content.Length - 2));
            if (content.Length > 4 && random.Next(2) == 0) (content[2], content[3]) = (0x0a, (byte)(content.Length - 4));
            if (content.Length > 6 && random.Next(2) == 0) (content[4], content[5]) = (0x42, (byte)(content.Length - 6));
            Read(new EventFile(""), Record(content));
        }
    }

    [Theory]
    [InlineData("epoch,accuracy,loss,val_loss\n0,0.91,0.3,0.35\n1,0.93,0.2,\n", "accuracy@0=0.91 loss@0=0.3 val_loss@0=0.35 accuracy@1=0.93 loss@1=0.2")]
    [InlineData("epoch,step,train_loss,val_loss\r\n0,49,0.3,\r\n0,49,,0.4\r\n", "train_loss@49=0.3 val_loss@49=0.4")]
    [InlineData("\ufeffstep,\"loss, mean\",a\"b,time,note\n5,\"0.5\",1,1712345678,fine\n", "loss, mean@5=0.5 a\"b@5=1")]
    [InlineData("step,loss\n1,nan\n2,-inf\n3,1e400\n4,x\n5.0,1\n6.5,1\n-1,1\n,1\nx,1\n7\n8,2,3\n", "loss@1=NaN loss@2=-Infinity loss@5=1")]
    [InlineData("name,size\na,1\n", "")]
    [InlineData("step,a\n1,5\nstep,b\n2,6\n", "a@1=5 b@2=6")]
    [InlineData("step,a,b\n1,0,5,7\n2,1,2\n", "a@2=1 b@2=2")]
    [InlineData("", "")]
    [InlineData("epoch,x\n", "")]
    public void TablesWithASteps_AreRead(string table, string points)
    {
        var bytes = Encoding.UTF8.GetBytes(table);
        foreach (var size in (int[])[1, 3, 1000])
        {
            var (log, found) = (new CsvLog(), new List<MetricPoint>());
            foreach (var piece in bytes.Chunk(size)) log.Add(piece, Now, found);
            Assert.Equal(points, string.Join(' ', found.Select(point => FormattableString.Invariant($"{point.Name}@{point.Step}={point.Value}"))));
        }
    }

    [Fact]
    public void ATableWithALineThatIsTooLong_IsGivenUp()
    {
        var log = new CsvLog();
        Assert.Single(Read(log, [.. "step,loss\n1,2\n"u8, .. new byte[2_000_000], .. "\n3,4\n"u8]));
        Assert.Equal("it has lines of more than 1 MiB", log.Problem);
    }

    // By its SummaryWriter: add_scalar of loss 1.5 at 0 and 0.3 at 7, add_text, and add_scalar of what is no number.
    /// <summary>An event with one value, as PyTorch's writer has it.</summary>
    internal static byte[] Scalar(string tag, int step, float value, DateTimeOffset? at = null)
    {
        var seconds = at is { } time ? time.ToUnixTimeMilliseconds() / 1000.0 : 1_795_821_084.5 + step;
        byte[] one = [0x0a, (byte)Encoding.UTF8.GetByteCount(tag), .. Encoding.UTF8.GetBytes(tag), 0x15, .. BitConverter.GetBytes(value)];
        byte[] steps = [(byte)(step & 0x7f | 0x80), (byte)(step >> 7 & 0x7f | 0x80), (byte)(step >> 14 & 0x7f)];
        return Record([
            0x09, .. BitConverter.GetBytes(seconds), 0x10, .. steps, 0x2a, (byte)(one.Length + 2), 0x0a, (byte)one.Length, .. one]);
    }

    internal static byte[] WrittenByTorchSharp() => File.ReadAllBytes(Repository.PathOf("tests", "Metrics", "Data", "written-by-torchsharp.tfevents"));

    private static byte[] Record(byte[] content)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, content.Length);
        return [.. length, .. Checksum(length), .. content, .. Checksum(content)];
    }

    // Bit by bit, as the polynomial says.
    private static byte[] Checksum(byte[] bytes)
    {
        var checksum = uint.MaxValue;
        foreach (var one in bytes)
        {
            checksum ^= one;
            for (var bit = 0; bit < 8; bit++) checksum = (checksum >> 1) ^ ((checksum & 1) * 0x82f63b78);
        }

        checksum = ~checksum;
        return BitConverter.GetBytes(((checksum >> 15) | (checksum << 17)) + 0xa282ead8);
    }

    private static List<MetricPoint> Read(LoggedFormat format, byte[] bytes)
    {
        var points = new List<MetricPoint>();
        format.Add(bytes, Now, points);
        return points;
    }

    private static string? ProblemOf(LoggedFormat format, byte[] bytes)
    {
        Read(format, bytes);
        return format.Problem;
    }
}
