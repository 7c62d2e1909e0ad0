// A training loop that says how much CPU time it took, its own process's and that of the processes named in `others` meanwhile (the platform's), and
// how long it took.
// B: batch, I: inputs, H: hidden units, C: classes.
using System.Diagnostics;
using System.Globalization;
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

const int B = 64, I = 64, H = 512, C = 10;
var run = Run.Current;
var steps = run.Param("steps", 1000);
var others = run.Param("others", "").Split(',', StringSplitOptions.RemoveEmptyEntries);
var logged = run.Param("log", true);
set_num_threads(1);
random.manual_seed(1);

using var model = nn.Sequential(
    ("in", nn.Linear(I, H)), ("relu1", nn.ReLU()), ("mid", nn.Linear(H, H)), ("relu2", nn.ReLU()), ("out", nn.Linear(H, C)));
using var optimizer = optim.Adam(model.parameters(), 1e-3);
using var loss = nn.CrossEntropyLoss();
using var x = randn(B, I);
using var y = randint(0, C, [B], ScalarType.Int64);

for (var step = 0; step < 50; step++) Step(step);
var (before, began) = (Cpu(), Stopwatch.GetTimestamp());
for (var step = 0; step < steps; step++) Step(step);
var (cpu, passed) = (Cpu() - before, Stopwatch.GetElapsedTime(began).TotalSeconds);
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cpu}\t{passed}"));

void Step(int step)
{
    using var scope = NewDisposeScope();
    optimizer.zero_grad();
    var error = loss.forward(model.forward(x), y); // (B, I) -> (B, C) -> ()
    error.backward();
    optimizer.step();
    var value = error.item<float>();
    if (logged) run.Log("train/loss", value, step);
}

// Seconds.
double Cpu() => Environment.CpuUsage.TotalTime.TotalSeconds + others.Sum(Ticks) / 100.0;

// utime and stime, the 14th and 15th field, in hundredths of a second; the second field may have blanks in it and ends with ')'.
static long Ticks(string process)
{
    var stat = File.ReadAllText($"/proc/{process}/stat");
    var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
}
