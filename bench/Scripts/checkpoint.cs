// How long the training thread waits for a checkpoint: SaveCheckpoint returns when the weights are copied, TorchSharp's own save when they are written.
// Prints milliseconds: name, then one value a save.
using System.Diagnostics;
using System.Globalization;
using Serverless;
using static TorchSharp.torch;

var run = Run.Current;
var saves = run.Param("saves", 7);
var width = run.Param("width", 7071); // width × width floats: 200 MB
using var model = nn.Linear(width, width, hasBias: false);
var file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

Console.WriteLine(string.Join('\t', (string[])["SaveCheckpoint", .. Times(step => run.SaveCheckpoint(step, model), apart: TimeSpan.FromSeconds(3))]));
Console.WriteLine(string.Join('\t', (string[])["Module.save", .. Times(_ => model.save(file), apart: TimeSpan.Zero)]));
File.Delete(file);

// The first save makes the buffers that the later ones use, and is not counted. A pause lets the writing end, as training between checkpoints does.
IEnumerable<string> Times(Action<int> save, TimeSpan apart)
{
    for (var step = 0; step <= saves; step++)
    {
        var began = Stopwatch.GetTimestamp();
        save(step);
        var took = Stopwatch.GetElapsedTime(began);
        if (step > 0) yield return took.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
        if (step < saves) Thread.Sleep(apart);
    }
}
