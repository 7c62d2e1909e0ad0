using Serverless.Training;
using static TorchSharp.torch;

namespace Serverless;

/// <summary>
/// A training loop that goes on exactly where it was interrupted: with the same weights to the bit and the same metrics as if nothing had happened.
/// It keeps the place in the data, the generators,
/// the optimizer and the learning rate scheduler in every checkpoint, saves by itself, and leaves when the run is to stop. The data's order is <see
/// cref="Run.Shuffle"/> of the epoch.
/// Everything that happens hangs on the seed and the step; when checkpoints are made changes nothing.
/// </summary>
/// <remarks>
/// What the step function and the hooks draw from torch and from <see cref="Run.Random"/>, and what they change in the model and the optimizer, is in
/// checkpoints. Variables of one's own that the
/// training hangs on are there when <see cref="Keep"/> makes them. Tensors made in the step function and in hooks are freed at their end; detach what
/// is to live on.
/// </remarks>
public sealed partial class Trainer
{
    private readonly Run run;
    private readonly nn.Module model;
    private readonly optim.Optimizer optimizer;
    private readonly List<(string Prefix, nn.Module Module)> models;
    private readonly List<(string Prefix, optim.Optimizer Optimizer)> optimizers;
    private readonly Dictionary<string, IKept> kept = [];

    /// <param name="model">On the device that it is trained on.</param>
    /// <param name="optimizer">One of TorchSharp's managed optimizers, with the model's parameters.</param>
    public Trainer(Run run, nn.Module model, optim.Optimizer optimizer)
    {
        (this.run, this.model, this.optimizer) = (run, model, optimizer);
        models = [("", model)];
        optimizers = [("", optimizer)];
    }

    /// <summary>How often to go through the data; 0 trains nothing. Default 1. Counts for nothing in a training without a data set.</summary>
    public int Epochs { get; set; } = 1;

    /// <summary>The training ends after so many steps, in the middle of an epoch if need be. Default null: after the last epoch.</summary>
    public long? Steps { get; set; }

    /// <summary>Samples that the step function gets at once. Default 32.</summary>
    public int BatchSize { get; set; } = 32;

    /// <summary>Whether each epoch has an order of its own, <c>run.Shuffle(samples, epoch)</c>; else 0 to n−1. Default true.</summary>
    public bool Shuffle { get; set; } = true;

    /// <summary>Whether the last batch of an epoch is left out when it is not full. Default false.</summary>
    public bool DropLast { get; set; }

    /// <summary>Batches whose gradients make one step of the optimizer: their mean, as of one batch of all of them. Default 1.</summary>
    public int AccumulateBatches { get; set; } = 1;

    /// <summary>Longest that the gradient of all parameters may be; a longer one is scaled down. Default null: as long as it is.</summary>
    public double? ClipGradNorm { get; set; }

    /// <summary>
    /// Steps from one point of <c>train/loss</c> (and <c>train/lr</c> when there is a scheduler) to the next. Default 10; 0: the step function logs.
    /// Fetching a loss from a GPU is a sync point.
    /// </summary>
    public int LogEvery { get; set; } = 10;

    /// <summary>When to save, besides the end and a stop. Default <c>Every.Auto()</c>.</summary>
    public Every Checkpoint { get; set; } = Every.Auto();

    /// <summary>Stepped as <see cref="ScheduleEvery"/> says. It must be made anew in each process, as the optimizer is. Default none.</summary>
    public optim.lr_scheduler.LRScheduler? Scheduler { get; set; }

    /// <summary>Steps or epochs. Default <c>Every.Epochs(1)</c>.</summary>
    public Every ScheduleEvery { get; set; } = Every.Epochs();

    /// <summary>
    /// Called with the model in evaluation mode and without gradients, as <see cref="ValidateEvery"/> says and at the end of the training. It logs
    /// what it finds at <see cref="Step"/>.
    /// </summary>
    public Action<Trainer>? Validate { get; set; }

    /// <summary>Steps or epochs. Default <c>Every.Epochs(1)</c>.</summary>
    public Every ValidateEvery { get; set; } = Every.Epochs();

    /// <summary>Called before the first step of each epoch.</summary>
    public Action<Trainer>? OnEpochStart { get; set; }

    /// <summary>Called after the last step of each epoch and its validation.</summary>
    public Action<Trainer>? OnEpochEnd { get; set; }

    /// <summary>What <see cref="Checkpoint"/> measures time with.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Steps of the optimizer so far.</summary>
    public long Step { get; private set; }

    /// <summary>The epoch that is trained or was just ended, from 1.</summary>
    public int Epoch { get; private set; } = 1;

    /// <summary>Ends the training after this step, as its last: early stopping.</summary>
    public void Stop() => stopped = true;

    /// <summary>Asks for a checkpoint at the end of this step or hook, besides those of <see cref="Checkpoint"/>.</summary>
    public void SaveCheckpoint() => wanted = true;

    /// <summary>A variable that is in every checkpoint. Make it before Fit, with the value of a fresh start.</summary>
    /// <param name="name">Unique in the training.</param>
    /// <param name="value">Anything that is JSON.</param>
    public Kept<T> Keep<T>(string name, T value)
    {
        var made = new Kept<T>(value);
        kept.Add(name, made);
        return made;
    }

    /// <summary>
    /// Puts another model into every checkpoint: a teacher that learns too, moving averages of the weights. Its tensors are named
    /// <c>{name}.{tensor}</c>.
    /// </summary>
    public void Include(string name, nn.Module module) => models.Add((name + ".", module));

    /// <summary>Puts another optimizer into every checkpoint. The code steps it.</summary>
    public void Include(string name, optim.Optimizer optimizer) => optimizers.Add((name + ".", optimizer));

    /// <summary>
    /// Trains from the run's checkpoint, or from the beginning when there is none, to the end. When the run is to stop, it saves and leaves the
    /// process with <see cref="Run.Leave"/>. Call it once,
    /// last before what is done with the trained model; a run that is resumed after the end of its training gets straight there.
    /// </summary>
    /// <param name="samples">Size of the data set.</param>
    /// <param name="step">Computes the loss of a batch, a tensor with one element. Gradients are zero before, and the optimizer's step
    /// follows.</param>
    /// <exception cref="InvalidOperationException">The settings do not fit together; the message names everything.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or of another training; the message says what differs.</exception>
    public void Fit(long samples, Func<Batch, Tensor> step) => Train(samples, step);

    /// <summary>The same without a data set, for data that is made as it goes: <see cref="Steps"/> says how long, and batches have no rows.</summary>
    public void Fit(Func<Batch, Tensor> step) => Train(null, step);

    private void Check(long? samples)
    {
        var problems = new List<string>();
        void Wrong(bool wrong, string problem)
        {
            if (wrong) problems.Add(problem);
        }

        Wrong(fitted,
            "Fit was called before: a run has one training; give its phases to OnEpochStart, or write the loop yourself (docs/training.md)");
        Wrong(samples is < 1, $"samples is {samples}: there is nothing to train on");
        Wrong(samples is null && Steps is null, "Steps must say how long to train without a data set");
        Wrong(samples < BatchSize && DropLast, $"DropLast leaves nothing of {samples} samples in batches of {BatchSize}");
        Wrong(Epochs < 0, $"Epochs is {Epochs}; 0 trains nothing");
        Wrong(Steps < 1, $"Steps is {Steps}; 1 is the least");
        Wrong(BatchSize < 1, $"BatchSize is {BatchSize}; 1 is the least");
        Wrong(AccumulateBatches < 1, $"AccumulateBatches is {AccumulateBatches}; 1 is the least");
        Wrong(LogEvery < 0, $"LogEvery is {LogEvery}; 0 logs nothing");
        Wrong(ClipGradNorm is <= 0, $"ClipGradNorm is {ClipGradNorm}; it must be above 0");
        Wrong(!ValidateEvery.IsCounted, "ValidateEvery must be steps or epochs: by time, two repetitions would validate at different steps");
        Wrong(!ScheduleEvery.IsCounted, "ScheduleEvery must be steps or epochs: by time, two repetitions would learn at different rates");
        Wrong(
            Scheduler is optim.lr_scheduler.impl.ReduceLROnPlateau,
            "ReduceLROnPlateau hangs on a metric, which no checkpoint has: lower the learning rate of optimizer.ParamGroups in Validate, by what " +
            "you Keep");
        if (problems.Count > 0) throw new InvalidOperationException(string.Join("; ", problems));
        fitted = true;
    }
}
