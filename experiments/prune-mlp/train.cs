// How many weights of a feed-forward net can go before it stops recognizing digits? Run it with: exp run experiments/prune-mlp --wait
// Dimensions: B images of a batch, P pixels of an image, H hidden units, 10 digits.
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

var run = Run.Current;
manual_seed(run.Seed);
var digits = Digits.Load(run);
var hidden = run.Param("hidden", 256L);
using var model = new Mlp(digits.Pixels, hidden, run.Param("dropout", 0.3));
PruningStudy.Train(run, $"{digits.Pixels}-{hidden}-{hidden / 2}-10 MLP", digits, model);

sealed class Mlp : nn.Module<Tensor, Tensor>
{
    private readonly double dropout;
    private readonly nn.Module<Tensor, Tensor> first, second, last;

    public Mlp(long pixels, long hidden, double dropout)
        : base(nameof(Mlp))
    {
        this.dropout = dropout;
        first = new MaskedLinear(pixels, hidden);
        second = new MaskedLinear(hidden, hidden / 2);
        last = new MaskedLinear(hidden / 2, Digits.Classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = nn.functional.relu(first.forward(x));               // (B, P) -> (B, H)
        x = nn.functional.dropout(x, dropout, training);
        x = nn.functional.relu(second.forward(x));              // (B, H) -> (B, H/2)
        x = nn.functional.dropout(x, dropout, training);
        return last.forward(x);                                 // (B, H/2) -> (B, 10)
    }
}
