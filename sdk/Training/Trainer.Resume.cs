using Serverless.Training;

namespace Serverless;

public sealed partial class Trainer
{
    private TrainerCursor Cursor() =>
        new(TrainerCursor.Form, Epoch, position, Step, samples, stopped, ended, schedulerSteps, loss,
            kept.ToDictionary(one => one.Key, one => one.Value.Save()));

    private void Resume()
    {
        if (run.ResumePoint() is not { } checkpoint) return;
        var cursor = CursorOf(checkpoint);

        // The scheduler goes the same way again, from where every process begins; the rates that it had got to come with the optimizer, below.
        for (var i = 0; i < cursor.SchedulerSteps; i++) Scheduler?.step();
        run.Restore(models, optimizers, out _);
        foreach (var (name, one) in kept) one.Load(cursor.Kept[name]);
        (Epoch, position, Step, stopped, ended) = (cursor.Epoch, cursor.Position, cursor.Step, cursor.Stopped, cursor.Ended);
        (schedulerSteps, loss, savedAt) = (cursor.SchedulerSteps, cursor.Loss, cursor.Step);
        Console.WriteLine(
            ended ? $"the training was at its end, after {Step} steps"
            : samples is null ? $"going on after {Step} steps"
            : $"going on in epoch {Epoch}, after {Step} steps");
    }

    private TrainerCursor CursorOf(Checkpoint checkpoint)
    {
        TrainerCursor? cursor = null;
        try
        {
            cursor = checkpoint.HasCursor ? checkpoint.Cursor<TrainerCursor>() : null;
        }
        catch (InvalidDataException)
        {
            // Some other code's cursor: said below.
        }

        if (cursor is not { Trainer: TrainerCursor.Form })
        {
            throw new InvalidDataException(
                $"checkpoint {checkpoint.Step} was not saved by a Trainer and has no place to go on from: ask for it with trainer.SaveCheckpoint()");
        }

        var problems = new List<string>();
        if (cursor.Samples != samples)
        {
            problems.Add($"it trained on {cursor.Samples?.ToString() ?? "no"} samples and this training on {samples?.ToString() ?? "none"}");
        }

        foreach (var name in kept.Keys.Except(cursor.Kept.Keys)) problems.Add($"it has no '{name}'");
        if (cursor.SchedulerSteps > 0 && Scheduler is null) problems.Add("it had a learning rate scheduler");
        if (problems.Count > 0) throw new InvalidDataException($"checkpoint {checkpoint.Step} is of another training: {string.Join("; ", problems)}");
        return cursor;
    }
}
