using System.Numerics;

/// <summary>
/// Draws digits the way a hand does: each is one to three strokes, whose points shake; the whole is turned, slanted, stretched and moved; the pen is
/// thin or thick; the paper has specks. A function of the seed alone.
/// </summary>
static class DigitDrawing
{
    private const int Side = 16;
    private const float Shake = 0.035f, Specks = 0.25f;

    // The unit square, y downwards.
    private static readonly Vector2[][][] Strokes =
    [
        [Arc(0.5f, 0.5f, 0.26f, 0.38f, 0, 360)],
        [[new(0.36f, 0.26f), new(0.54f, 0.12f), new(0.54f, 0.88f)]],
        [[.. Arc(0.5f, 0.32f, 0.24f, 0.2f, 190, 400), new(0.28f, 0.86f), new(0.76f, 0.86f)]],
        [[.. Arc(0.46f, 0.3f, 0.24f, 0.18f, 200, 450), .. Arc(0.46f, 0.67f, 0.27f, 0.2f, 270, 520)]],
        [[new(0.58f, 0.12f), new(0.24f, 0.6f), new(0.8f, 0.6f)], [new(0.62f, 0.38f), new(0.6f, 0.9f)]],
        [[new(0.74f, 0.14f), new(0.36f, 0.14f), new(0.32f, 0.46f), .. Arc(0.48f, 0.64f, 0.25f, 0.23f, 235, 500)]],
        [[new(0.66f, 0.12f), new(0.42f, 0.32f), new(0.29f, 0.6f)], Arc(0.5f, 0.66f, 0.22f, 0.21f, 0, 360)],
        [[new(0.24f, 0.15f), new(0.76f, 0.15f), new(0.42f, 0.88f)]],
        [Arc(0.5f, 0.31f, 0.2f, 0.18f, 0, 360), Arc(0.5f, 0.68f, 0.25f, 0.2f, 0, 360)],
        [Arc(0.5f, 0.34f, 0.22f, 0.21f, 0, 360), [new(0.72f, 0.34f), new(0.68f, 0.64f), new(0.5f, 0.88f)]],
    ];

    public static Digits Draw(long seed, int trainCount, int testCount)
    {
        var random = new Random(unchecked((int)(seed * 1_000_003 + 17)));
        var (trainImages, trainLabels) = Draw(random, trainCount);
        var (testImages, testLabels) = Draw(random, testCount);
        return new("drawings", Side, trainImages, trainLabels, testImages, testLabels);
    }

    private static (float[] Images, long[] Labels) Draw(Random random, int count)
    {
        var images = new float[count * Side * Side];
        var labels = new long[count];
        for (var i = 0; i < count; i++)
        {
            // Equally many of each.
            labels[i] = i % Digits.Classes;
            Draw(random, Strokes[labels[i]], images.AsSpan(i * Side * Side, Side * Side));
        }

        return (images, labels);
    }

    private static void Draw(Random random, Vector2[][] strokes, Span<float> image)
    {
        var middle = new Vector2(0.5f);
        var hand = Matrix3x2.CreateRotation(Between(random, -0.3f, 0.3f), middle)
            * Matrix3x2.CreateSkew(Between(random, -0.3f, 0.3f), 0, middle)
            * Matrix3x2.CreateScale(Between(random, 0.7f, 1.1f), Between(random, 0.75f, 1.1f), middle)
            * Matrix3x2.CreateTranslation(Between(random, -0.1f, 0.1f), Between(random, -0.1f, 0.1f));
        var pen = Between(random, 0.03f, 0.075f);
        var lines = strokes.Select(stroke => stroke.Select(point => Vector2.Transform(point + Shake * Normal(random), hand)).ToArray()).ToArray();

        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
            {
                var pixel = new Vector2(x + 0.5f, y + 0.5f) / Side;
                var nearest = float.MaxValue;
                foreach (var line in lines)
                {
                    for (var i = 1; i < line.Length; i++) nearest = Math.Min(nearest, Distance(pixel, line[i - 1], line[i]));
                }

                // The pen's edge fades over one pixel.
                var ink = Math.Clamp((pen - nearest) * Side + 0.5f, 0, 1);
                image[y * Side + x] = Math.Clamp(ink + Specks * (random.NextSingle() - 0.5f), 0, 1);
            }
        }
    }

    private static Vector2[] Arc(float x, float y, float width, float height, int fromDegrees, int toDegrees)
    {
        const int Points = 10;
        return [.. Enumerable.Range(0, Points + 1).Select(i => (fromDegrees + (toDegrees - fromDegrees) * i / (float)Points) * MathF.PI / 180)
            .Select(angle => new Vector2(x + width * MathF.Cos(angle), y + height * MathF.Sin(angle)))];
    }

    private static float Distance(Vector2 point, Vector2 from, Vector2 to)
    {
        var along = to - from;
        var t = Math.Clamp(Vector2.Dot(point - from, along) / Math.Max(along.LengthSquared(), 1e-9f), 0, 1);
        return Vector2.Distance(point, from + t * along);
    }

    private static float Between(Random random, float low, float high) => low + (high - low) * random.NextSingle();

    // Box and Muller: two at a time.
    private static Vector2 Normal(Random random)
    {
        var length = MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle()));
        var angle = 2 * MathF.PI * random.NextSingle();
        return new(length * MathF.Cos(angle), length * MathF.Sin(angle));
    }
}
