using System.Text.Json;

namespace Serverless.Training;

internal interface IKept
{
    JsonElement Save();
    void Load(JsonElement saved);
}

/// <summary>Where a training stood at a checkpoint, beside weights, optimizer and generators.</summary>
/// <param name="Trainer">Form of this record; 0 when a checkpoint's cursor is something else.</param>
/// <param name="Epoch">The epoch to go on with, from 1.</param>
/// <param name="Position">Samples of this epoch that were trained on. All of them: the epoch's end (validation, hooks) is still to come.</param>
/// <param name="Step">Steps of the optimizer so far.</param>
/// <param name="Samples">Size of the data set; null without one.</param>
/// <param name="Stopped">The code asked for the end.</param>
/// <param name="Ended">Nothing is left to do.</param>
/// <param name="SchedulerSteps">How often the learning rate scheduler was stepped.</param>
/// <param name="Loss">The last that was logged.</param>
/// <param name="Kept">Values of <see cref="Trainer.Keep"/>, by name.</param>
internal sealed record TrainerCursor(
    int Trainer, int Epoch, long Position, long Step, long? Samples, bool Stopped, bool Ended, int SchedulerSteps, double? Loss,
    IReadOnlyDictionary<string, JsonElement> Kept)
{
    public const int Form = 1;
}
