using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

/// <summary>A layer that computes with weight · mask. The mask is a buffer: it is in checkpoints, and gradients of masked weights are zero.</summary>
abstract class MaskedLayer : nn.Module<Tensor, Tensor>
{
    public readonly Parameter weight;
    public readonly Parameter bias;
    public readonly Tensor mask;

    protected MaskedLayer(string name, long outputs, params long[] shape)
        : base(name)
    {
        // PyTorch's own start for linear and convolutional layers: uniform within 1/√(inputs of a unit).
        var bound = 1 / Math.Sqrt(shape.Skip(1).Aggregate(1L, (product, n) => product * n));
        weight = nn.Parameter(rand(shape) * 2 * bound - bound);
        bias = nn.Parameter(rand(outputs) * 2 * bound - bound);
        mask = ones(shape);
        RegisterComponents();
    }
}

/// <summary>(B, inputs) -> (B, outputs)</summary>
sealed class MaskedLinear(long inputs, long outputs) : MaskedLayer(nameof(MaskedLinear), outputs, outputs, inputs)
{
    public override Tensor forward(Tensor x) => nn.functional.linear(x, weight * mask, bias);
}

/// <summary>3×3 with a border of zeros: (B, inputs, side, side) -> (B, outputs, side, side)</summary>
sealed class MaskedConv2d(long inputs, long outputs) : MaskedLayer(nameof(MaskedConv2d), outputs, outputs, inputs, 3, 3)
{
    public override Tensor forward(Tensor x) => nn.functional.conv2d(x, weight * mask, bias, padding: [1, 1]);
}

/// <summary>Pruning by magnitude (Han et al., "Learning both weights and connections for efficient neural networks", 2015).</summary>
static class Magnitude
{
    /// <summary>Masks the smallest weights of all layers together, until a fraction of them is masked. What is masked stays masked.</summary>
    public static void Prune(nn.Module model, double sparsity)
    {
        using var scope = NewDisposeScope();
        using var inference = no_grad();
        var layers = model.modules().OfType<MaskedLayer>().ToList();
        var sizes = cat([.. layers.Select(l => (l.weight * l.mask).abs().flatten())]);      // (all weights)
        var cut = (long)Math.Round(sparsity * sizes.numel());
        if (cut == 0) return;
        var threshold = sizes.sort().Values[cut - 1];                                        // ()
        foreach (var layer in layers) layer.mask.mul_((layer.weight.abs() > threshold).to(layer.mask.dtype));
    }

    /// <summary>Learned numbers that are not masked.</summary>
    public static long Nonzero(nn.Module model)
    {
        using var scope = NewDisposeScope();
        var masked = model.modules().OfType<MaskedLayer>().Sum(l => l.mask.numel() - (long)l.mask.sum().item<float>());
        return model.parameters().Sum(p => p.numel()) - masked;
    }
}
