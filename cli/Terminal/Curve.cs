namespace Serverless.Cli.Terminal;

/// <summary>Curves made of characters.</summary>
static class Curve
{
    private const string Levels = "▁▂▃▄▅▆▇█";

    /// <summary>
    /// One line of bars, one character per stretch of the points; each shows the stretch's mean between the curve's minimum and maximum. NaN leaves a
    /// gap.
    /// </summary>
    public static string Spark(IReadOnlyList<double> values, int width)
    {
        var finite = values.Where(double.IsFinite).ToList();
        if (finite.Count == 0 || width <= 0) return "";
        var (min, max) = (finite.Min(), finite.Max());
        return string.Concat(Means(values, Math.Min(width, values.Count)).Select(mean =>
            !double.IsFinite(mean) ? ' ' : max <= min ? Levels[3] : Levels[(int)Math.Min(7, Part(mean, min, max) * 8)]));
    }

    /// <summary>A plot of dots, 2 × 4 in each character (Braille patterns), points at their places, finite ones alone.</summary>
    /// <param name="lines">At least one point in all.</param>
    /// <returns>The rows, top first, each of <paramref name="width"/> characters; with each character the line that was there last, or -1.</returns>
    public static (char Dots, int Line)[][] Plot(IReadOnlyList<IReadOnlyList<(double X, double Y)>> lines, int width, int height)
    {
        var all = lines.SelectMany(points => points).ToList();
        var (left, right) = (all.Min(point => point.X), all.Max(point => point.X));
        var (bottom, top) = (all.Min(point => point.Y), all.Max(point => point.Y));
        var (dots, owners) = (new byte[height, width], new int[height, width]);
        foreach (var (number, points) in lines.Index())
        {
            var last = ((int X, int Y)?)null;
            foreach (var point in points)
            {
                var here = (Scale(point.X, left, right, (2 * width) - 1), (4 * height) - 1 - Scale(point.Y, bottom, top, (4 * height) - 1));
                Line(dots, owners, number + 1, last ?? here, here);
                last = here;
            }
        }

        return [.. Enumerable.Range(0, height).Select(row =>
            Enumerable.Range(0, width).Select(column => ((char)(0x2800 + dots[row, column]), owners[row, column] - 1)).ToArray())];
    }

    private static int Scale(double value, double from, double to, int steps) =>
        to > from ? (int)Math.Round(Part(value, from, to) * steps) : steps / 2;

    // In halves: from the least double to the greatest is further than any double.
    private static double Part(double value, double from, double to) => (value / 2 - from / 2) / (to / 2 - from / 2);

    private static void Line(byte[,] dots, int[,] owners, int owner, (int X, int Y) from, (int X, int Y) to)
    {
        var steps = Math.Max(1, Math.Max(Math.Abs(to.X - from.X), Math.Abs(to.Y - from.Y)));
        for (var i = 0; i <= steps; i++)
        {
            var (x, y) = (from.X + ((to.X - from.X) * i / steps), from.Y + ((to.Y - from.Y) * i / steps));
            dots[y / 4, x / 2] |= Dot(x % 2, y % 4);
            owners[y / 4, x / 2] = owner;
        }
    }

    // Braille numbers its dots 1–3 down the left column, 4–6 down the right one, then 7 and 8 for the row that came later.
    private static byte Dot(int x, int y) => (byte)(y == 3 ? 0x40 << x : 1 << (y + (3 * x)));

    private static IEnumerable<double> Means(IReadOnlyList<double> values, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var (from, to) = ((int)((long)i * values.Count / count), (int)((long)(i + 1) * values.Count / count));
            var finite = values.Skip(from).Take(to - from).Where(double.IsFinite).ToList();
            yield return finite.Count == 0 ? double.NaN : finite.Sum(value => value / finite.Count);
        }
    }
}
