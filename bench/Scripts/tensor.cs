// The least that a run with TorchSharp can do.
using static TorchSharp.torch;

Console.WriteLine(System.Diagnostics.Stopwatch.GetTimestamp());
using var tensor = ones(3);
if (tensor.sum().item<float>() != 3) throw new InvalidOperationException("1 + 1 + 1 is not 3");
