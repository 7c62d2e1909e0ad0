// What one call costs the thread that makes it: nanoseconds, one sample a call, the clock's own cost taken off. Prints: name, then p50 and p99.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Serverless;

var run = Run.Current;
var calls = run.Param("calls", 200_000);
var folder = Directory.CreateTempSubdirectory("log-").FullName;
using var writer = new StreamWriter(Path.Combine(folder, "writer.jsonl"));
var appended = Path.Combine(folder, "appended.jsonl");

var clock = Samples(calls, _ => { })[calls / 2];
Report("run.Log", calls, step => run.Log("train/loss", 1.0 / (step + 1), step));
Report("StreamWriter", calls, step => writer.WriteLine(Line(step)));
Report("File.AppendAllText", Math.Max(1, calls / 100), step => File.AppendAllText(appended, Line(step) + "\n"));
Directory.Delete(folder, recursive: true);

static string Line(int step) => JsonSerializer.Serialize(new { step, name = "train/loss", value = 1.0 / (step + 1) });

void Report(string name, int count, Action<int> call)
{
    Samples(count / 10, call); // Compiled by then.
    var samples = Samples(count, call);
    Console.WriteLine(
        string.Create(
            CultureInfo.InvariantCulture, $"{name}\t{Math.Max(0, samples[count / 2] - clock)}\t{Math.Max(0, samples[count * 99 / 100] - clock)}"));
}

static double[] Samples(int count, Action<int> call)
{
    var samples = new double[count];
    for (var i = 0; i < count; i++)
    {
        var began = Stopwatch.GetTimestamp();
        call(i);
        samples[i] = (Stopwatch.GetTimestamp() - began) * 1e9 / Stopwatch.Frequency;
        // Some work in between, as a training loop has: a few microseconds.
        Thread.SpinWait(100);
    }

    Array.Sort(samples);
    return samples;
}
