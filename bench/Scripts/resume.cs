// Trains until its worker is killed; the attempt after that says when its first step was done, in microseconds since 1970, and ends.
using Serverless;
using static TorchSharp.torch;

var run = Run.Current;
using var model = nn.Linear(64, 64);
var optimizer = optim.SGD(model.parameters(), 0.01);
var first = run.TryResume(model, optimizer, out var checkpoint) ? checkpoint.Step + 1 : 1;
for (var step = first; ; step++)
{
    using (NewDisposeScope())
    {
        var loss = model.forward(randn(16, 64)).square().mean();
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        run.Log("train/loss", loss.item<float>(), step);
    }

    if (first > 1)
    {
        Console.WriteLine($"first\t{(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks / 10}");
        break;
    }

    if (step % 10 == 0) run.SaveCheckpoint(step, model, optimizer);
    Thread.Sleep(20);
}
