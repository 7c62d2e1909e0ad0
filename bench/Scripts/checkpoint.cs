// What a checkpoint costs a training: how long the training thread waits for it, and how much longer the steps take that follow while it is written
// and stored. Beside it, in turns in the same process, TorchSharp's own way: Module.save and the optimizer's save_state_dict.
// Prints milliseconds: name, then one value a save.
using System.Diagnostics;
using System.Globalization;
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

const int B = 16;
var run = Run.Current;
var saves = run.Param("saves", 5);
var width = run.Param("width", 2048L);                              // of each layer: width × width floats
var layers = run.Param("layers", 4);                                // with Adam's two averages of each number: 12 × layers × width² bytes
var window = TimeSpan.FromSeconds(run.Param("window", 5.0));        // in which the steps after a save are watched

manual_seed(run.Seed);
using var model = nn.Sequential(
    Enumerable.Range(0, layers).Select(i => ($"layer{i}", (nn.Module<Tensor, Tensor>)nn.Linear(width, width, hasBias: false))));
using var optimizer = optim.Adam(model.parameters(), 1e-4);
using var x = randn(B, width);
var files = Directory.CreateTempSubdirectory().FullName;
List<double> stalls = [], dips = [], theirStalls = [], theirDips = [];

run.TryResume(model, optimizer, out _);
for (var i = 0; i < 3; i++) Step();
var first = Timed(() => run.SaveCheckpoint(0, model, optimizer));
Watch([], window);
for (var save = 1; save <= saves; save++)
{
    Measure(stalls, dips, () => run.SaveCheckpoint(save, model, optimizer));
    Measure(theirStalls, theirDips, () =>
    {
        model.save(Path.Combine(files, "model"));
        ((TorchSharp.Modules.OptimizerHelper)optimizer).save_state_dict(Path.Combine(files, "optimizer"));
    });
}

Directory.Delete(files, recursive: true);
Print("first", [first]);
Print("stall", stalls);
Print("dip", dips);
Print("their stall", theirStalls);
Print("their dip", theirDips);

void Measure(List<double> stalls, List<double> dips, Action save)
{
    var usual = new List<double>();
    Watch(usual, window / 2);
    stalls.Add(Timed(save));
    var after = new List<double>();
    Watch(after, window);
    dips.Add(after.Sum() - after.Count * usual.Order().ElementAt(usual.Count / 2));
}

void Watch(List<double> times, TimeSpan length)
{
    var began = Stopwatch.GetTimestamp();
    do times.Add(Timed(Step));
    while (Stopwatch.GetElapsedTime(began) < length);
}

void Step()
{
    using var scope = NewDisposeScope();
    optimizer.zero_grad();
    model.forward(x).square().mean().backward();                    // (B, width) -> (B, width) -> ()
    optimizer.step();
    GC.Collect(0);                                                  // as a Trainer does, or memory grows by what a step frees
}

double Timed(Action action)
{
    var began = Stopwatch.GetTimestamp();
    action();
    return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
}

void Print(string name, List<double> values) =>
    Console.WriteLine(string.Join('\t', values.Select(value => value.ToString(CultureInfo.InvariantCulture)).Prepend(name)));
