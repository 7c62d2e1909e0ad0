using System.Diagnostics;
using Serverless.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Serverless;

public sealed partial class Trainer
{
    private const int MostEpochLines = 100;

    // Parts of a step that draw from generators: each begins a GPU's anew.
    private const int OfStep = 1, OfEpochStart = 2, OfEnd = 3;

    private static readonly TimeSpan CollectEvery = TimeSpan.FromMilliseconds(100);

    private CheckpointPace pace = null!;
    private long collectedAt = Stopwatch.GetTimestamp();
    private bool fitted, stopped, ended, wanted;
    private long? samples;
    private long position;
    private long validatedAt = -1;
    private long savedAt = -1;
    private int schedulerSteps;
    private double? loss;
    private long[]? order;

    /// <summary>Samples that an epoch trains on.</summary>
    private long EpochSamples => samples is not { } all ? long.MaxValue : DropLast ? all / BatchSize * BatchSize : all;

    private bool IsOver => stopped || Step >= Steps || (samples is not null && Epoch > Epochs);

    private void Train(long? samples, Func<Batch, Tensor> step)
    {
        Check(samples);
        this.samples = samples;
        pace = new(Checkpoint, Clock);
        Resume();
        var prepared = false;
        model.train();
        while (!ended)
        {
            if (position == EpochSamples) EndEpoch();
            if (IsOver) break;
            if (position == 0) Call(OnEpochStart, OfEpochStart);
            if (IsOver) break;
            pace.Measure(() => TakeStep(step), () => run.IsWritingCheckpoint);
            if (!prepared) run.PrepareCheckpoint(models, optimizers);
            prepared = true;
            CollectGarbage();
            AfterStep();
        }

        if (ended) return;
        if (validatedAt != Step) RunValidation();
        ended = true;
        Save();
    }

    /// <summary>One step of the optimizer. Every tensor that it makes is freed at its end.</summary>
    private void TakeStep(Func<Batch, Tensor> step)
    {
        using var whole = NewDisposeScope();
        Step++;
        run.SeedGpu(Step, OfStep);
        optimizer.zero_grad();
        var batches = Batches();
        var taken = batches.Sum(batch => batch.Count);
        var logged = LogEvery > 0 && Step % LogEvery == 0;
        var sum = 0.0;
        foreach (var batch in batches)
        {
            using var scope = NewDisposeScope();
            var error = step(batch);                                                // ()
            if (batches.Count > 1) error *= taken > 0 ? (double)batch.Count / taken : 1.0 / batches.Count;
            error.backward();
            if (logged) sum += error.item<float>();
        }

        if (ClipGradNorm is { } most) nn.utils.clip_grad_norm_(model.parameters(), most);
        optimizer.step();
        position += Math.Max(1, taken);
        if (!logged) return;
        loss = sum;
        run.Log("train/loss", sum, Step);
        if (Scheduler is not null) run.Log("train/lr", optimizer.ParamGroups.First().LearningRate, Step);
    }

    /// <summary>
    /// TorchSharp's operators leave a small native object each to the garbage collector, which sees little reason to run. They sit where large
    /// tensors were freed, so that the next ones
    /// need new memory: a process with Adam grew by a gigabyte in 40 steps. A collection of the youngest generation takes a fraction of a
    /// millisecond.
    /// </summary>
    private void CollectGarbage()
    {
        if (Stopwatch.GetElapsedTime(collectedAt) < CollectEvery) return;
        GC.Collect(0);
        collectedAt = Stopwatch.GetTimestamp();
    }

    private List<Batch> Batches()
    {
        if (samples is not { } all)
            return [.. Enumerable.Repeat(0, AccumulateBatches).Select(_ => new Batch(Step, Epoch, [], 0, 0, run.Device))];
        order ??= Shuffle ? run.Shuffle(all, Epoch) : [.. Enumerable.Range(0, (int)all).Select(i => (long)i)];
        var made = new List<Batch>();
        for (var from = position; from < EpochSamples && made.Count < AccumulateBatches; from += BatchSize)
            made.Add(new(Step, Epoch, order, (int)from, (int)Math.Min(BatchSize, EpochSamples - from), run.Device));
        return made;
    }

    private void AfterStep()
    {
        if (ScheduleEvery.IsAt(Step, null)) StepScheduler();
        // The end of an epoch and the end of the training come with more to do, and save after it.
        if (position == EpochSamples || IsOver) return;
        if (ValidateEvery.IsAt(Step, null)) RunValidation();
        SaveWhenDue(null);
    }

    private void EndEpoch()
    {
        // Validation may take longer than there is time to leave; the resumed run goes on with it.
        if (run.StopRequested) SaveAndLeave();
        if (ValidateEvery.IsAt(Step, Epoch) || stopped || Step >= Steps || Epoch >= Epochs) RunValidation();
        Call(OnEpochEnd, OfEnd);
        if (ScheduleEvery.IsAt(Step, Epoch) && !ScheduleEvery.IsAt(Step, null)) StepScheduler();
        if (Epoch % (1 + (Epochs - 1) / MostEpochLines) == 0 || Epoch == Epochs)
            Console.WriteLine(FormattableString.Invariant($"epoch {Epoch} of {Epochs}{(loss is { } last ? $": train/loss {last:G4}" : "")}"));
        var epoch = Epoch++;
        (position, order) = (0, null);
        if (!IsOver) SaveWhenDue(epoch);
    }

    private void RunValidation()
    {
        validatedAt = Step;
        if (Validate is null) return;
        using var inference = no_grad();
        model.eval();
        Call(Validate, OfEnd);
    }

    private void Call(Action<Trainer>? hook, int part)
    {
        if (hook is null) return;
        using var scope = NewDisposeScope();
        run.SeedGpu(Step, part);
        hook(this);
        model.train();
    }

    private void StepScheduler()
    {
        if (Scheduler is null) return;
        Scheduler.step();
        schedulerSteps++;
    }

    private void SaveWhenDue(int? epoch)
    {
        if (run.StopRequested) SaveAndLeave();
        if (wanted || pace.IsDue(Step, epoch)) Save();
    }

    private void SaveAndLeave()
    {
        Save();
        run.Leave();
    }

    private void Save()
    {
        wanted = false;
        if (savedAt == Step && !ended) return;
        // What a GPU has still to compute is no cost of the save that waits for it.
        if (run.Device.type == DeviceType.CUDA) cuda.synchronize(run.Device);
        if (pace.Measure(() => TrySave())) savedAt = Step;
    }

    /// <returns>Whether there is a new checkpoint, at least on its way.</returns>
    private bool TrySave()
    {
        try
        {
            return run.Save(Step, models, optimizers, Cursor());
        }
        catch (CheckpointException earlier)
        {
            // An interval from now is another chance; at an end it is now.
            Console.Error.WriteLine($"{earlier.Message}; the training goes on");
            return (ended || run.StopRequested) && run.Save(Step, models, optimizers, Cursor());
        }
    }
}
