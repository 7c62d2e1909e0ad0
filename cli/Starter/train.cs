// A first experiment: a small network learns a curve. Run it with: exp run . --wait
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

var run = Run.Current;

// Parameters: the value from experiment.yaml or --param, else the one written here.
var lr = run.Param("lr", 0.01);
var hidden = run.Param("hidden", 32L);
var steps = run.Param("steps", 400);
var saveEvery = run.Param("save-every", 100);

// The same seed gives the same result, also when the run is interrupted and goes on elsewhere.
manual_seed(run.Seed);

// N: points, H: hidden units
var x = linspace(-1, 1, 256, device: run.Device).unsqueeze(1);                // (N, 1)
var y = (3 * x).sin() + 0.1 * randn_like(x);                                  // (N, 1)
using var model = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1)).to(run.Device);
using var optimizer = optim.Adam(model.parameters(), lr);

// Go on where a lost or pre-empted worker left off: weights, optimizer and random numbers are as they were.
var first = 1L;
if (run.TryResume(model, optimizer, out var checkpoint))
{
    first = checkpoint.Step + 1;
    Console.WriteLine($"going on at step {first}");
}

for (var step = first; step <= steps; step++)
{
    using var scope = NewDisposeScope();                                      // frees the step's tensors
    var loss = nn.functional.mse_loss(model.forward(x), y);                   // (N, 1), (N, 1) -> ()
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();

    run.Log("train/loss", loss.item<float>(), step);
    if (step % 100 == 0) Console.WriteLine($"step {step}: loss {loss.item<float>():0.0000}");

    // Copies to memory and returns; another thread writes.
    if (step % saveEvery == 0 || run.StopRequested) run.SaveCheckpoint(step, model, optimizer);
    if (run.StopRequested) run.Leave();
}

// Artifacts are kept with the run: exp artifacts get last
using (no_grad())
{
    var fitted = model.forward(x).cpu();
    var rows = Enumerable.Range(0, 256).Select(i => FormattableString.Invariant($"{x[i, 0].item<float>()},{y[i, 0].item<float>()},{fitted[i, 0].item<float>()}"));
    File.WriteAllLines(run.Artifact("fit.csv"), rows.Prepend("x,y,fitted"));
}
