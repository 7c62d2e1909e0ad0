// The same question as prune-mlp, asked of a convolutional net. Run it with: exp run experiments/prune-cnn --wait
// Dimensions: B images of a batch, P pixels of an image, S pixels of its edge, K channels, 10 digits.
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

var run = Run.Current;
manual_seed(run.Seed);
var digits = Digits.Load(run);
var channels = run.Param("channels", 8L);
using var model = new Cnn(digits.Side, channels);
PruningStudy.Train(run, $"{channels}-{channels * 2} CNN", digits, model);

sealed class Cnn : nn.Module<Tensor, Tensor>
{
    private readonly long side;
    private readonly nn.Module<Tensor, Tensor> first, second, last;

    public Cnn(long side, long channels)
        : base(nameof(Cnn))
    {
        this.side = side;
        first = new MaskedConv2d(1, channels);
        second = new MaskedConv2d(channels, channels * 2);
        last = new MaskedLinear(channels * 2 * (side / 4) * (side / 4), Digits.Classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = x.view(-1, 1, side, side);                                              // (B, P) -> (B, 1, S, S)
        x = nn.functional.max_pool2d(nn.functional.relu(first.forward(x)), 2);      // (B, 1, S, S) -> (B, K, S/2, S/2)
        x = nn.functional.max_pool2d(nn.functional.relu(second.forward(x)), 2);     // (B, K, S/2, S/2) -> (B, 2K, S/4, S/4)
        return last.forward(x.flatten(1));                                          // (B, 2K, S/4, S/4) -> (B, 10)
    }
}
