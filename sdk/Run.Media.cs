using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Media;
using static TorchSharp.torch;

namespace Serverless;

/// <summary>
/// What is more than a number, tied to a step: files among the artifacts, <c>logged/{name}/{step}</c> and what they are, twelve digits for the step
/// so that they sort. Code in other languages writes the same files.
/// </summary>
public sealed partial class Run
{
    private const int MostBins = 10_000;

    /// <summary>Keeps a picture that is a file's content already: PNG, JPEG, GIF, WebP or SVG.</summary>
    /// <param name="name">What it shows; parts separated by '/': <c>samples/digits</c>.</param>
    /// <param name="picture">Of ScottPlot, say: <c>plot.GetImageBytes(800, 500, ImageFormat.Png)</c>.</param>
    /// <param name="step">Where on the x axis of metrics.</param>
    /// <exception cref="ArgumentException">It is no such picture, or the name or the step cannot be part of a path.</exception>
    public void LogImage(string name, ReadOnlySpan<byte> picture, long step) =>
        File.WriteAllBytes(Logged(name, step, ExtensionOf(picture)), picture.ToArray());

    /// <summary>Keeps a tensor as a picture.</summary>
    /// <param name="image">
    /// H×W or 1×H×W in grey, 3×H×W in colours: bytes from 0 to 255, or numbers from 0 to 1, beyond which they are cut. On a GPU it is copied.
    /// </param>
    /// <exception cref="ArgumentException">It has another shape.</exception>
    public void LogImage(string name, Tensor image, long step)
    {
        var shape = image.shape;
        var isFlat = shape.Length == 2;
        if (!isFlat && (shape.Length != 3 || shape[0] is not (1 or 3)) || image.numel() == 0)
        {
            throw new ArgumentException($"an image has the shape H×W, 1×H×W or 3×H×W, this has {string.Join('×', shape)}", nameof(image));
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var planes = isFlat ? image.detach().unsqueeze(0) : image.detach();
        if (planes.dtype != ScalarType.Byte)
        {
            planes = (planes.to_type(ScalarType.Float32).nan_to_num().clamp(0, 1) * 255).round().to_type(ScalarType.Byte);
        }

        var pixels = planes.permute(1, 2, 0).contiguous().cpu().data<byte>().ToArray();
        var (height, width) = ((int)planes.shape[1], (int)planes.shape[2]);
        File.WriteAllBytes(Logged(name, step, "png"), Png.Encode(pixels, width, height, isColoured: planes.shape[0] == 3));
    }

    /// <summary>Keeps a text.</summary>
    public void LogText(string name, string text, long step) => File.WriteAllText(Logged(name, step, "txt"), text);

    /// <summary>Keeps a table, as CSV (RFC 4180); numbers with all their digits.</summary>
    /// <param name="columns">Their names.</param>
    /// <param name="rows">Each with a value for each column; null: an empty cell.</param>
    /// <exception cref="ArgumentException">A row has more values than there are columns, or fewer.</exception>
    public void LogTable(string name, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<object?>> rows, long step)
    {
        var table = new StringBuilder().AppendJoin(',', columns.Select(Cell)).Append("\r\n");
        foreach (var row in rows)
        {
            if (row.Count != columns.Count) throw new ArgumentException($"a row has {row.Count} values for {columns.Count} columns", nameof(rows));
            table.AppendJoin(',', row.Select(value => Cell(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""))).Append("\r\n");
        }

        File.WriteAllText(Logged(name, step, "csv"), table.ToString());
    }

    /// <summary>Keeps how often values lie in equal stretches between the least and the greatest.</summary>
    /// <param name="values">Those that are no finite numbers are counted apart.</param>
    /// <param name="bins">How many stretches.</param>
    public void LogHistogram(string name, ReadOnlySpan<double> values, long step, int bins = 64)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bins, MostBins);
        var (least, greatest, others) = (double.PositiveInfinity, double.NegativeInfinity, 0L);
        foreach (var value in values)
        {
            if (!double.IsFinite(value)) others++;
            else (least, greatest) = (Math.Min(least, value), Math.Max(greatest, value));
        }

        // Of equal values, and of none, there is one stretch.
        var counts = new long[least < greatest ? bins : 1];
        var width = least < greatest ? greatest / counts.Length - least / counts.Length : 0;
        foreach (var value in values)
        {
            if (double.IsFinite(value)) counts[width > 0 ? (int)Math.Clamp((value - least) / width, 0, counts.Length - 1) : 0]++;
        }

        double[] edges = others == values.Length ? [0, 0] : [.. Enumerable.Range(0, counts.Length).Select(i => least + (i * width)), greatest];
        File.WriteAllText(Logged(name, step, "json"), JsonSerializer.Serialize(new { edges, counts, notFinite = others }, SdkJson.Options));
    }

    /// <summary>The same of a tensor's values, of a layer's weights for instance. On a GPU they are copied.</summary>
    public void LogHistogram(string name, Tensor values, long step, int bins = 64)
    {
        using var scope = NewDisposeScope();
        LogHistogram(name, values.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray(), step, bins);
    }

    private string Logged(string name, long step, string extension)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (name.Length == 0 || name.EndsWith('/')) throw new ArgumentException("what is logged has a name", nameof(name));
        return Artifact(string.Create(CultureInfo.InvariantCulture, $"{ContractNames.Logged}/{name}/{step:D12}.{extension}"));
    }

    private static string ExtensionOf(ReadOnlySpan<byte> picture) => picture switch
    {
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpg",
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "gif",
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => "webp",
        _ when Encoding.UTF8.GetString(picture[..Math.Min(picture.Length, 1000)]).Contains("<svg", StringComparison.Ordinal) => "svg",
        _ => throw new ArgumentException("expected the content of a PNG, JPEG, GIF, WebP or SVG file", nameof(picture)),
    };

    private static string Cell(string text) =>
        text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
