using Serverless;

/// <summary>Images of handwritten digits, square, row by row, 0 (paper) to 1 (ink), one after the other.</summary>
/// <param name="Source">Where they came from, for the report.</param>
/// <param name="Side">Pixels of an image's edge.</param>
sealed record Digits(string Source, int Side, float[] TrainImages, long[] TrainLabels, float[] TestImages, long[] TestLabels)
{
    public const int Classes = 10;

    public int Pixels => Side * Side;

    /// <summary>From the run's inputs when there are some, else drawn from the seed.</summary>
    /// <exception cref="InvalidDataException">There are inputs that are no digits; the message says which file and line.</exception>
    public static Digits Load(Run run)
    {
        var files = run.InputFiles();
        var digits = files.Count > 0 ? DigitFiles.Read(run.Inputs, files) : DigitDrawing.Draw(run.Seed, trainCount: 4000, testCount: 1000);
        Console.WriteLine(
            $"digits from {digits.Source}: {digits.TrainLabels.Length} to train, {digits.TestLabels.Length} to test, {digits.Side}×{digits.Side} " +
            "pixels");
        return digits;
    }
}
