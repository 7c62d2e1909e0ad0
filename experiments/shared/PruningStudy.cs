using System.Diagnostics;
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

/// <param name="Lr">Learning rate of the first training; fine-tuning takes a third of it.</param>
/// <param name="Epochs">Of the first training; none when the weights come from another run.</param>
/// <param name="FineTuneEpochs">After each pruning.</param>
/// <param name="Sparsities">Ascending; each pruning goes on from the one before. Empty: train only.</param>
/// <param name="Threads">Of torch, on the CPU. More than one pays off for larger nets only.</param>
sealed record PruningSettings(
    double Lr = 0.001, int Epochs = 60, int FineTuneEpochs = 10, int BatchSize = 64, double[]? Sparsities = null, int Threads = 1)
{
    public double[] AllSparsities => Sparsities ?? [0.5, 0.7, 0.8, 0.9, 0.95, 0.98];
}

/// <summary>
/// Trains a net on digits, cuts its smallest weights, trains what is left, cuts more: accuracy against sparsity. Interrupted anywhere, it goes on
/// exactly. Dimensions: B images of a batch, P pixels of an image, 10 digits.
/// </summary>
static class PruningStudy
{
    private const double Tolerated = 0.02;
    private const int SaveEveryEpochs = 10, TestBatch = 500;

    /// <summary>What the study knows by now; in every checkpoint.</summary>
    private sealed record Findings(double Accuracy, double Before, double Seconds, List<PrunedRow> Rows);

    public static void Train(Run run, string name, Digits digits, nn.Module<Tensor, Tensor> model)
    {
        var settings = run.Params<PruningSettings>();
        set_num_threads(settings.Threads);
        model.to(run.Device);
        var count = digits.TrainLabels.Length;
        using var images = tensor(digits.TrainImages, device: run.Device).view(count, digits.Pixels);                            // (all, P)
        using var labels = tensor(digits.TrainLabels, device: run.Device);                                                       // (all)
        using var testImages = tensor(digits.TestImages, device: run.Device).view(digits.TestLabels.Length, digits.Pixels);      // (test, P)
        using var testLabels = tensor(digits.TestLabels, device: run.Device);                                                    // (test)

        // A tenth is never trained on: what the curve val/accuracy is measured with.
        var split = run.Shuffle(count, epoch: -1);
        using var validation = tensor(split[..(count / 10)], device: run.Device);                                                // (val)
        using var training = tensor(split[(count / 10)..], device: run.Device);                                                  // (train)
        using var validationImages = images[validation];                                                                         // (val, P)
        using var validationLabels = labels[validation];                                                                         // (val)
        using var trainingImages = images[training];                                                                             // (train, P)
        using var trainingLabels = labels[training];                                                                             // (train)

        // The first training's epochs come first, then those of each sparsity: phase 0, 1, 2, …
        var sparsities = settings.AllSparsities;
        var wholeEpochs = run.LoadFrom(model) ? 0 : settings.Epochs;
        var fineTuneEpochs = Math.Max(1, settings.FineTuneEpochs);
        int Phase(int epoch) => epoch <= wholeEpochs ? 0 : (epoch - wholeEpochs - 1) / fineTuneEpochs + 1;

        using var optimizer = optim.Adam(model.parameters(), settings.Lr);
        var trainer = new Trainer(run, model, optimizer)
        {
            Epochs = wholeEpochs + sparsities.Length * fineTuneEpochs,
            BatchSize = settings.BatchSize,
            LogEvery = 20,
            Checkpoint = Every.Epochs(SaveEveryEpochs),
            Validate = t => run.Log("val/accuracy", Accuracy(model, validationImages, validationLabels), t.Step),
        };
        var clock = Stopwatch.StartNew();
        var findings = trainer.Keep("findings", new Findings(0, 0, 0, []));

        trainer.OnEpochStart = t =>
        {
            // Without a first training there is no end of it.
            if (t.Epoch == 1 && wholeEpochs == 0) EndPhase(0, t.Step);
            var phase = Phase(t.Epoch);
            if (phase == 0 || phase == Phase(t.Epoch - 1)) return;
            Magnitude.Prune(model, sparsities[phase - 1]);
            foreach (var group in optimizer.ParamGroups) group.LearningRate = settings.Lr / 3;
            findings.Value = findings.Value with { Before = Accuracy(model, testImages, testLabels) };
            run.Log("prune/accuracy-before", findings.Value.Before, Permille(sparsities[phase - 1]));
        };

        trainer.OnEpochEnd = t =>
        {
            findings.Value = findings.Value with { Seconds = findings.Value.Seconds + clock.Elapsed.TotalSeconds };
            clock.Restart();
            if (Phase(t.Epoch) == Phase(t.Epoch + 1)) return;
            EndPhase(Phase(t.Epoch), t.Step);
            t.SaveCheckpoint();
        };

        trainer.Fit(samples: training.shape[0], batch =>
        {
            var logits = model.forward(batch.Of(trainingImages));                               // (B, P) -> (B, 10)
            return nn.functional.cross_entropy(logits, batch.Of(trainingLabels));               // (B, 10), (B) -> ()
        });

        if (trainer.Epochs == 0) EndPhase(0, step: 0);

        // The most that could be cut for at most two images in a hundred, or the least that was tried: what a follow-on may begin with.
        var (accuracy, rows) = (findings.Value.Accuracy, findings.Value.Rows);
        if (rows is [var least, ..])
        {
            run.Log("prune/best-sparsity", rows.LastOrDefault(row => row.After >= accuracy - Tolerated, least).Sparsity, trainer.Step);
        }

        SafeTensors.Save(run.Artifact("weights.safetensors"), model);
        new Results(name, digits.Source, accuracy, model.parameters().Sum(p => p.numel()), findings.Value.Seconds, rows).Save(run);

        void EndPhase(int phase, long step)
        {
            var sparsity = phase == 0 ? 0 : sparsities[phase - 1];
            var tested = Accuracy(model, testImages, testLabels);
            var nonzero = Magnitude.Nonzero(model);
            run.Log("test/accuracy", tested, step);
            run.Log("prune/accuracy", tested, Permille(sparsity));
            Console.WriteLine(phase == 0
                ? $"whole net: test/accuracy {tested:0.0000}"
                : $"sparsity {sparsity:0.00}: test/accuracy {findings.Value.Before:0.0000} before and {tested:0.0000} after fine-tuning, {nonzero} " +
                    "numbers left");
            findings.Value = phase == 0
                ? findings.Value with { Accuracy = tested }
                : findings.Value with { Rows = [.. findings.Value.Rows, new(sparsity, findings.Value.Before, tested, nonzero)] };
        }
    }

    /// <summary>Fraction of the images that are recognized. A sync point a batch.</summary>
    private static double Accuracy(nn.Module<Tensor, Tensor> model, Tensor images, Tensor labels)
    {
        using var inference = no_grad();
        model.eval();
        var right = 0L;
        for (long from = 0; from < images.shape[0]; from += TestBatch)
        {
            using var scope = NewDisposeScope();
            var size = Math.Min(TestBatch, images.shape[0] - from);
            var guesses = model.forward(images.narrow(0, from, size)).argmax(1);        // (B, P) -> (B)
            right += guesses.eq(labels.narrow(0, from, size)).sum().item<long>();
        }

        return (double)right / images.shape[0];
    }

    private static long Permille(double sparsity) => (long)Math.Round(sparsity * 1000);
}
