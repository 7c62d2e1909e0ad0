namespace Serverless.Training;

/// <summary>When the next checkpoint of a training is due.</summary>
internal sealed class CheckpointPace(Every every, TimeProvider clock)
{
    private readonly AutoInterval? auto = every is Every.Bounded bounded ? new(bounded.Overhead, bounded.Most) : null;
    private readonly long origin = clock.GetTimestamp();
    private TimeSpan last;

    private TimeSpan Now => clock.GetElapsedTime(origin);

    /// <param name="epoch">The epoch that ends with this step, or null in the middle of one.</param>
    public bool IsDue(long step, int? epoch) => every switch
    {
        Every.Span span => Now - last >= span.Length,
        Every.Bounded => Now - last >= auto!.Current,
        _ => every.IsAt(step, epoch),
    };

    /// <summary>Measures one step of the training.</summary>
    public void Measure(Action step, Func<bool> writing)
    {
        if (auto is null)
        {
            step();
            return;
        }

        var began = Now;
        step();
        var now = Now;
        auto.Step(now, now - began, writing());
    }

    /// <summary>Measures a save. One that was left out is tried again after another interval.</summary>
    public bool Measure(Func<bool> save)
    {
        var began = Now;
        var saved = save();
        last = Now;
        if (saved) auto?.Saved(last, last - began);
        return saved;
    }
}
