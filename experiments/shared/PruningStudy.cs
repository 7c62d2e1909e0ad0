using System.Diagnostics;
using Serverless;
using TorchSharp;
using static TorchSharp.torch;

/// <param name="Lr">Learning rate of the first training; fine-tuning takes a third of it.</param>
/// <param name="Epochs">Of the first training; 0 when the weights come from another run.</param>
/// <param name="FineTuneEpochs">After each pruning.</param>
/// <param name="Sparsities">Ascending; each pruning goes on from the one before. Empty: train only.</param>
/// <param name="Threads">Of torch, on the CPU. More than one pays off for larger nets only.</param>
sealed record PruningSettings(double Lr = 0.001, int Epochs = 60, int FineTuneEpochs = 10, int BatchSize = 64, double[]? Sparsities = null, int Threads = 1)
{
    public double[] AllSparsities => Sparsities ?? [0.5, 0.7, 0.8, 0.9, 0.95, 0.98];
}

/// <summary>
/// Trains a net on digits, cuts its smallest weights, trains what is left, cuts more: accuracy against sparsity. Interrupted anywhere, it goes on exactly.
/// Dimensions: B images of a batch, P pixels of an image, 10 digits.
/// </summary>
static class PruningStudy
{
    private const double Tolerated = 0.02;
    private const int LogEverySteps = 20, SaveEveryEpochs = 10, TestBatch = 500;

    /// <summary>Where the study is: what a checkpoint needs besides weights, optimizer and generators.</summary>
    /// <param name="Phase">0 trains the whole net, n fine-tunes at the n-th sparsity.</param>
    /// <param name="Step">Steps of the optimizer so far, all phases together.</param>
    private sealed record Place(int Phase, int Epoch, int Batch, long Step, double Accuracy, double Before, double Seconds, List<PrunedRow> Rows);

    public static void Train(Run run, string name, Digits digits, nn.Module<Tensor, Tensor> model)
    {
        var settings = run.Params<PruningSettings>();
        set_num_threads(settings.Threads);
        model.to(run.Device);
        var count = digits.TrainLabels.Length;
        using var images = tensor(digits.TrainImages, device: run.Device).view(count, digits.Pixels);                            // (train, P)
        using var labels = tensor(digits.TrainLabels, device: run.Device);                                                       // (train)
        using var testImages = tensor(digits.TestImages, device: run.Device).view(digits.TestLabels.Length, digits.Pixels);      // (test, P)
        using var testLabels = tensor(digits.TestLabels, device: run.Device);                                                    // (test)

        // A tenth is never trained on: what the curve val/accuracy is measured with.
        var split = run.Shuffle(count, epoch: -1);
        var (trainRows, validationRows) = (split[(count / 10)..], split[..(count / 10)]);
        using var validation = tensor(validationRows, device: run.Device);                                                       // (val)
        using var validationImages = images[validation];                                                                         // (val, P)
        using var validationLabels = labels[validation];                                                                         // (val)

        using var optimizer = optim.Adam(model.parameters(), settings.Lr);
        double[] sparsities = [0, .. settings.AllSparsities];
        var trained = run.LoadFrom(model);
        var place = new Place(0, 0, 0, 0, 0, 0, 0, []);
        if (run.TryResume(model, optimizer, out var checkpoint))
        {
            place = checkpoint.Cursor<Place>();
            Console.WriteLine($"going on after step {place.Step}");
        }

        var clock = Stopwatch.StartNew();
        Place Now() => place with { Seconds = place.Seconds + clock.Elapsed.TotalSeconds };

        while (place.Phase < sparsities.Length)
        {
            var (sparsity, epochs) = (sparsities[place.Phase], place.Phase > 0 ? settings.FineTuneEpochs : trained ? 0 : settings.Epochs);
            if (place is { Phase: > 0, Epoch: 0, Batch: 0 })
            {
                Magnitude.Prune(model, sparsity);
                foreach (var group in optimizer.ParamGroups) group.LearningRate = settings.Lr / 3;
                place = place with { Before = Accuracy(model, testImages, testLabels) };
                run.Log("prune/accuracy-before", place.Before, Permille(sparsity));
            }

            while (place.Epoch < epochs)
            {
                // The order is a function of seed and epoch: nothing about it has to be saved.
                var order = run.Shuffle(trainRows.Length, epoch: place.Phase * 1000 + place.Epoch);
                while (place.Batch * settings.BatchSize < order.Length)
                {
                    var rows = Rows(trainRows, order, place.Batch, settings.BatchSize);
                    place = place with { Step = place.Step + 1, Batch = place.Batch + 1 };
                    var loss = Step(model, optimizer, images, labels, rows, wanted: place.Step % LogEverySteps == 0);
                    if (loss is { } value) run.Log("train/loss", value, place.Step);
                    if (!run.StopRequested) continue;
                    run.SaveCheckpoint(place.Step, model, optimizer, Now());
                    run.Leave();
                }

                place = place with { Epoch = place.Epoch + 1, Batch = 0 };
                var accuracy = Accuracy(model, validationImages, validationLabels);
                run.Log("val/accuracy", accuracy, place.Step);
                if (place.Epoch % SaveEveryEpochs != 0 || place.Epoch == epochs) continue;
                Console.WriteLine($"epoch {place.Epoch} of {epochs}: val/accuracy {accuracy:0.0000}");
                run.SaveCheckpoint(place.Step, model, optimizer, Now());
            }

            var tested = Accuracy(model, testImages, testLabels);
            var nonzero = Magnitude.Nonzero(model);
            run.Log("test/accuracy", tested, place.Step);
            run.Log("prune/accuracy", tested, Permille(sparsity));
            Console.WriteLine(place.Phase == 0 ? $"whole net: test/accuracy {tested:0.0000}" : $"sparsity {sparsity:0.00}: test/accuracy {place.Before:0.0000} before and {tested:0.0000} after fine-tuning, {nonzero} numbers left");
            place = place with
            {
                Phase = place.Phase + 1,
                Epoch = 0,
                Accuracy = place.Phase == 0 ? tested : place.Accuracy,
                Rows = place.Phase == 0 ? [] : [.. place.Rows, new(sparsity, place.Before, tested, nonzero)],
            };
            run.SaveCheckpoint(place.Step, model, optimizer, Now());
        }

        // The most that could be cut for at most two images in a hundred, or the least that was tried: what a follow-on may begin with.
        if (place.Rows is [var least, ..])
        {
            run.Log("prune/best-sparsity", place.Rows.LastOrDefault(row => row.After >= place.Accuracy - Tolerated, least).Sparsity, place.Step);
        }

        SafeTensors.Save(run.Artifact("weights.safetensors"), model);
        new Results(name, digits.Source, place.Accuracy, model.parameters().Sum(p => p.numel()), Now().Seconds, place.Rows).Save(run);
    }

    /// <summary>One step of the optimizer. Every tensor that it makes is freed at its end.</summary>
    /// <returns>The loss when it is wanted: fetching it waits for the device, a sync point.</returns>
    private static float? Step(nn.Module<Tensor, Tensor> model, optim.Optimizer optimizer, Tensor images, Tensor labels, long[] rows, bool wanted)
    {
        using var scope = NewDisposeScope();
        model.train();
        var batch = tensor(rows, device: images.device);                                // (B)
        var logits = model.forward(images[batch]);                                      // (B, P) -> (B, 10)
        var loss = nn.functional.cross_entropy(logits, labels[batch]);                  // (B, 10), (B) -> ()
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        return wanted ? loss.item<float>() : null;
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

    private static long[] Rows(long[] trainRows, long[] order, int batch, int size) => [.. order.Skip(batch * size).Take(size).Select(i => trainRows[i])];

    private static long Permille(double sparsity) => (long)Math.Round(sparsity * 1000);
}
