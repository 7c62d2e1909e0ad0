// A first experiment: a small network learns a curve. Run it with: exp run . --wait
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

var run = Run.Current;

// Parameters: the value from experiment.yaml or --param, else the one written here.
var lr = run.Param("lr", 0.01);
var hidden = run.Param("hidden", 32L);
var epochs = run.Param("epochs", 100);
var batchSize = run.Param("batch-size", 64);

// The same seed gives the same result, also when the run is interrupted and goes on elsewhere.
manual_seed(run.Seed);

// N: points, B: points of a batch, H: hidden units
var x = linspace(-1, 1, 256, device: run.Device).unsqueeze(1);                // (N, 1)
var curve = (3 * x).sin();                                                    // (N, 1)
var y = curve + 0.1 * randn_like(x);                                          // (N, 1)
using var model = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1)).to(run.Device);
using var optimizer = optim.Adam(model.parameters(), lr);

// Takes the points in another order each epoch, logs train/loss, and saves checkpoints as it goes: after a lost worker it goes on exactly
// where it was, with weights, optimizer, random numbers and the place in the data. Your own loop can do the same: docs/training.md.
var trainer = new Trainer(run, model, optimizer) { Epochs = epochs, BatchSize = batchSize };
trainer.Validate = t => run.Log("val/loss", nn.functional.mse_loss(model.forward(x), curve).item<float>(), t.Step);
trainer.Fit(samples: 256, batch => nn.functional.mse_loss(model.forward(batch.Of(x)), batch.Of(y)));      // (B, 1), (B, 1) -> ()

// Artifacts are kept with the run: exp artifacts get last
using (no_grad())
{
    var fitted = model.forward(x).cpu();
    var rows = Enumerable.Range(0, 256).Select(i =>
        FormattableString.Invariant($"{x[i, 0].item<float>()},{y[i, 0].item<float>()},{fitted[i, 0].item<float>()}"));
    File.WriteAllLines(run.Artifact("fit.csv"), rows.Prepend("x,y,fitted"));
}
