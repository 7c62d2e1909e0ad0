using System.Diagnostics;
using System.Globalization;
using System.Text;
using Serverless.Contract;

namespace Serverless.Tests.Worker.Capture;

/// <summary>
/// Anything that code may print or write: nothing is thrown, and how it is cut into pieces changes nothing. One second each, or <c>FUZZ_SECONDS</c>;
/// a failure says its seed.
/// </summary>
public sealed class CaptureFuzzTests
{
    private static readonly string[] Pieces =
    [
        "step 12 loss=0.31 acc: 0.9\n", "[Step 2/10] loss: 4e-1, acc=50%, time 3.2s\r", "\rstep 3: 3/5 [00:01<00:04, loss=0.333]",
        "step 4 \u001b[32mloss=0,31\u001b[0m\n", "Epoch 2/9\n", "8/8 - 3s - loss: 0.5\n", "epoch  loss  time\n", "1  0.5  00:12\n", "[3]\ttrain-rmse:0.3\n",
        "{'loss': 0.5, 'epoch': 1.5}\n", " 45%|███| 4/9 [00:01, loss=0.2]\r", "Train: 2 [ 5/9 ( 4%)] Loss: 6.9 (7.0)\n", "Test set: loss: 0.1, acc: 9/10 (90%)\n",
        "{\"step\":1,\"loss\":0.5,\"note\":\"\\ud83d\"}\n", "{\"step\":2,\"name\":\"größe/😀\",\"value\":NaN}\n", "{\"step\":3,\"loss\":1e999}\r\n",
        "\u001eexp:12\n", "\u001e", "exp:", "\ufeff",
        "\u001b]0;title\u0007", "\u001b[", "\u001b[2K", "\u001b", "step ",
        "loss=", "1,234,567", "\n", "\r", "\r\n", "\"", "{", "}", "\\u", "\\ud83d", "-Infinity", "e-5", "%", "…", "é", "\0",
    ];

    [Fact]
    public Task Printed_InAnyPieces_GivesTheSame() => ForSeeds(async random =>
    {
        var bytes = Printed(random);
        Assert.Equal(await Captured([bytes], asFile: null), await Captured(Cut(bytes, random), asFile: null));
    });

    [Fact]
    public Task MetricsJsonl_InAnyPieces_GivesTheSame() => ForSeeds(async random =>
    {
        var bytes = Printed(random);
        Assert.Equal(await Captured([bytes], ContractNames.MetricsJsonl), await Captured(Cut(bytes, random), ContractNames.MetricsJsonl));
    });

    [Fact]
    public Task MetricStream_InAnyPieces_GivesTheSame() => ForSeeds(async random =>
    {
        var bytes = Stream(random);
        Assert.Equal(await Captured([bytes], ContractNames.MetricsBinary), await Captured(Cut(bytes, random), ContractNames.MetricsBinary));
    });

    private static async Task ForSeeds(Func<Random, Task> holds)
    {
        var variable = Environment.GetEnvironmentVariable("FUZZ_SECONDS");
        var seconds = int.TryParse(variable, NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : 1;
        var began = Stopwatch.GetTimestamp();
        for (var seed = 0; seed < 20 || Stopwatch.GetElapsedTime(began).TotalSeconds < seconds; seed++)
        {
            try
            {
                await holds(new Random(seed));
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"seed {seed}: {failure.Message}", failure);
            }
        }
    }

    /// <summary>All that can be seen of it afterwards.</summary>
    private static async Task<string> Captured(IEnumerable<byte[]> pieces, string? asFile)
    {
        using var rig = new CaptureRig();
        foreach (var piece in pieces)
        {
            if (asFile is null) rig.Prints(piece);
            else await rig.Writes(asFile, piece).Collects();
        }

        await rig.Ends();
        var marker = await rig.Log.PlaceOf("12", TimeSpan.Zero, rig.Time, CancellationToken.None);
        return $"{await rig.Curves()}\n{await rig.LogText()}\n{rig.Log.LastLineClause()}\n{marker}";
    }

    private static List<byte[]> Cut(byte[] bytes, Random random)
    {
        var pieces = new List<byte[]>();
        for (int at = 0, length; at < bytes.Length; at += length)
        {
            length = Math.Min(bytes.Length - at, random.Next(3) == 0 ? 1 : random.Next(1, 200));
            pieces.Add(bytes[at..(at + length)]);
        }

        return pieces;
    }

    private static byte[] Printed(Random random)
    {
        var text = new List<byte>();
        for (var i = random.Next(1, 40); i > 0; i--)
        {
            if (random.Next(8) == 0) text.AddRange(Noise(random, random.Next(1, 20)));
            else text.AddRange(Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]));
        }

        return Mutated([.. text], random);
    }

    private static byte[] Stream(Random random)
    {
        var bytes = new byte[64 * 1024];
        MetricStream.Header.CopyTo(bytes);
        var length = MetricStream.Header.Length;
        for (var i = random.Next(1, 60); i > 0; i--)
        {
            var rest = bytes.AsSpan(length);
            var id = (uint)random.Next(3);
            var name = MetricName.Fit(new string((char)random.Next(1, 0xFFFF), random.Next(0, 300)));
            var micros = random.Next(2) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : 1_777_636_800_000_000;
            length += random.Next(4) == 0
                ? MetricStream.WriteName(rest, id, name)
                : MetricStream.WritePoint(rest, id, random.NextInt64(-5, 100), micros, random.NextDouble());
        }

        return random.Next(2) == 0 ? bytes[..length] : Mutated(bytes[..length], random);
    }

    private static byte[] Mutated(byte[] bytes, Random random)
    {
        for (var i = random.Next(4); i > 0 && bytes.Length > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return bytes;
    }

    private static byte[] Noise(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
