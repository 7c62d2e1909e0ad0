// What a boosted forest of decision trees makes of the same digits: the line that the nets have
// to beat. Run it with: exp run experiments/baseline-mlnet --wait
using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers.LightGbm;
using Serverless;

var run = Run.Current;
var digits = Digits.Load(run);
var trees = run.Param<int[]>("trees", [5, 10, 20, 40, 80]);
var leaves = run.Param("leaves", 15);
var ml = new MLContext((int)run.Seed);
var pixels = SchemaDefinition.Create(typeof(Row));
pixels[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, digits.Pixels);
var train = ml.Data.LoadFromEnumerable(Row.All(digits.TrainImages, digits.TrainLabels, digits.Pixels), pixels);
var test = ml.Data.LoadFromEnumerable(Row.All(digits.TestImages, digits.TestLabels, digits.Pixels), pixels);

var clock = Stopwatch.StartNew();
var accuracy = 0.0;
foreach (var count in trees)
{
    if (run.StopRequested) run.Leave();
    var trainer = ml.MulticlassClassification.Trainers.LightGbm(new LightGbmMulticlassTrainer.Options
    {
        NumberOfIterations = count,
        NumberOfLeaves = leaves,
        LearningRate = run.Param("lr", 0.15),
        NumberOfThreads = run.Param("threads", 1),
        Seed = (int)run.Seed,
        Deterministic = true,
    });
    var model = ml.Transforms.Conversion.MapValueToKey(nameof(Row.Label)).Append(trainer).Fit(train);
    accuracy = ml.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy;
    run.Log("test/accuracy", accuracy, count);
    Console.WriteLine($"{count} trees a digit: test/accuracy {accuracy:0.0000}");
    if (count == trees[^1]) ml.Model.Save(model, train.Schema, run.Artifact("model.zip"));
}

// A tree of n leaves is n values and n − 1 questions.
var learned = (long)trees[^1] * Digits.Classes * (2 * leaves - 1);
new Results($"LightGBM, {trees[^1]} trees a digit", digits.Source, accuracy, learned, clock.Elapsed.TotalSeconds, []).Save(run);

sealed class Row
{
    public float[] Features { get; set; } = [];
    public uint Label { get; set; }

    public static IEnumerable<Row> All(float[] images, long[] labels, int pixels) =>
        labels.Select((label, i) => new Row { Features = images[(i * pixels)..((i + 1) * pixels)], Label = (uint)label });
}
