using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;

/// <summary>
/// Reads digits from files in two forms. CSV, as the UCI "optical recognition of handwritten digits" set: a row is an image's pixels and then its
/// digit. IDX, as MNIST ships it, gzipped or not: one file with images and one with labels (yann.lecun.com/exdb/mnist). A file is for testing when
/// its name says "test" or "t10k"; without such a file the last fifth of the training rows is kept for testing.
/// </summary>
static class DigitFiles
{
    private const int IdxLabels = 0x801, IdxImages = 0x803;

    private sealed record Part(int Side, float[] Images, long[] Labels);

    public static Digits Read(string folder, IReadOnlyList<string> files)
    {
        var train = ReadPart(folder, [.. files.Where(f => !IsTest(f))]) ?? throw new InvalidDataException(
            $"no training digits in {string.Join(", ", files)}: a .csv, or a pair of IDX files named *images* and *labels*");
        var test = ReadPart(folder, [.. files.Where(IsTest)]);
        if (test is null) (train, test) = Split(train, train.Labels.Length * 4 / 5);
        if (test.Side != train.Side)
        {
            throw new InvalidDataException($"the images to train are {train.Side} pixels wide and those to test {test.Side}");
        }

        return new(string.Join(", ", files), train.Side, train.Images, train.Labels, test.Images, test.Labels);
    }

    private static bool IsTest(string file) => Path.GetFileName(file) is var name
        && (name.Contains("test", StringComparison.OrdinalIgnoreCase) || name.Contains("t10k", StringComparison.OrdinalIgnoreCase));

    private static Part? ReadPart(string folder, string[] files)
    {
        if (files.FirstOrDefault(f => f.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)) is { } csv) return ReadCsv(Path.Combine(folder, csv));
        var images = files.FirstOrDefault(f => Path.GetFileName(f).Contains("images", StringComparison.OrdinalIgnoreCase));
        var labels = files.FirstOrDefault(f => Path.GetFileName(f).Contains("labels", StringComparison.OrdinalIgnoreCase));
        return images is null || labels is null ? null : ReadIdx(Path.Combine(folder, images), Path.Combine(folder, labels));
    }

    private static Part ReadCsv(string file)
    {
        var (images, labels, line, columns) = (new List<float>(), new List<long>(), 0, 0);
        foreach (var text in File.ReadLines(file))
        {
            line++;
            if (string.IsNullOrWhiteSpace(text)) continue;
            var cells = text.Split(',');
            var values = new float[cells.Length];
            for (var i = 0; i < cells.Length; i++)
            {
                if (!float.TryParse(cells[i], CultureInfo.InvariantCulture, out values[i]))
                {
                    throw new InvalidDataException($"{file}, line {line}: '{cells[i].Trim()}' is not a number");
                }
            }

            if (columns == 0) columns = values.Length;
            if (values.Length != columns)
            {
                throw new InvalidDataException($"{file}, line {line}: {values.Length} values where the first line has {columns}");
            }

            images.AddRange(values.AsSpan(..^1));
            labels.Add(Label(values[^1], $"{file}, line {line}"));
        }

        if (labels.Count == 0) throw new InvalidDataException($"{file} has no rows");
        return new(SideOf(columns - 1, file), Scaled(images), [.. labels]);
    }

    private static Part ReadIdx(string imagesFile, string labelsFile)
    {
        var (images, labels) = (ReadBytes(imagesFile), ReadBytes(labelsFile));
        var (count, rows, columns) = (Header(images, IdxImages, 4, imagesFile), Header(images, IdxImages, 8, imagesFile),
            Header(images, IdxImages, 12, imagesFile));
        if (rows != columns || images.Length != 16 + count * rows * columns)
        {
            throw new InvalidDataException($"{imagesFile}: {images.Length} bytes do not fit {count} images of {rows}×{columns}");
        }

        if (Header(labels, IdxLabels, 4, labelsFile) != count || labels.Length != 8 + count)
        {
            throw new InvalidDataException($"{labelsFile} does not have a label for each of the {count} images");
        }

        return new(rows, Scaled(images[16..].Select(b => (float)b).ToList()), [.. labels[8..].Select(b => Label(b, labelsFile))]);
    }

    private static byte[] ReadBytes(string file)
    {
        var bytes = File.ReadAllBytes(file);
        if (bytes is not [0x1f, 0x8b, ..]) return bytes;
        using var unpacked = new MemoryStream();
        using (var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress)) gzip.CopyTo(unpacked);
        return unpacked.ToArray();
    }

    private static int Header(byte[] bytes, int magic, int at, string file) =>
        bytes.Length >= 16 - 8 * (magic == IdxLabels ? 1 : 0) && BinaryPrimitives.ReadInt32BigEndian(bytes) == magic
            ? BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at))
            : throw new InvalidDataException($"{file} is not an IDX file of {(magic == IdxImages ? "images" : "labels")}");

    private static long Label(float value, string place) => value is >= 0 and < Digits.Classes && float.IsInteger(value)
        ? (long)value
        : throw new InvalidDataException($"{place}: '{value}' is not a digit");

    private static int SideOf(int pixels, string file) => Math.Sqrt(pixels) is var side && double.IsInteger(side) && side > 0
        ? (int)side
        : throw new InvalidDataException($"{file}: {pixels} pixels are not a square image");

    private static float[] Scaled(List<float> pixels)
    {
        var ink = Math.Max(pixels.Max(), 1e-6f);
        return [.. pixels.Select(p => p / ink)];
    }

    private static (Part Train, Part Test) Split(Part all, int count)
    {
        var pixels = count * all.Side * all.Side;
        return (new(all.Side, all.Images[..pixels], all.Labels[..count]), new(all.Side, all.Images[pixels..], all.Labels[count..]));
    }
}
