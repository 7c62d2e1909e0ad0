namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Where in the log which step was printed, and when: a bounded number of lines, the newest. Lines of one step that came at once take one entry.
/// </summary>
sealed class PrintedPlaces
{
    private const int MaxLines = 1 << 16, NoStep = -1;

    private static readonly TimeSpan AtOnce = TimeSpan.FromMilliseconds(10);

    private readonly record struct Line(DateTimeOffset Since, DateTimeOffset At, long Place, long Step);

    private readonly List<Line> lines = [];
    private long greatest = NoStep, greatestForgotten = NoStep;

    /// <param name="since">It was not printed before this: all that had been was read.</param>
    /// <param name="at">When it was read.</param>
    /// <param name="place">Where it begins. Places come in order.</param>
    /// <param name="step">The step that it names; null: none.</param>
    public void Add(DateTimeOffset since, DateTimeOffset at, long place, long? step)
    {
        var named = step ?? NoStep;
        if (lines.Count > 0 && lines[^1] is var last && last.Step == named && at - last.At < AtOnce) return;
        if (lines.Count == MaxLines) Forget(MaxLines / 2);
        lines.Add(new(since, at, place, named));
        greatest = Math.Max(greatest, named);
    }

    /// <summary>
    /// Where the log is cut for a checkpoint: before the first line of a later step than the one that it is named by. Where nothing says that it is
    /// named by a step, before the first line that came when it was there.
    /// </summary>
    /// <param name="end">Where the log ends now.</param>
    public long Find(SaveMoment save, long end)
    {
        var before = greatestForgotten;
        foreach (var line in lines)
        {
            if (save.IsAfter(line.At)) before = Math.Max(before, line.Step);
        }

        var byStep = save.IsNamedByStep(before, greatest);
        var first = lines.FindIndex(line => line.Place >= save.Before.LogBytes && (byStep ? line.Step > save.Step : save.IsBefore(line.Since)));
        return first < 0 ? end : lines[first].Place;
    }

    private void Forget(int count)
    {
        foreach (var line in lines.Take(count)) greatestForgotten = Math.Max(greatestForgotten, line.Step);
        lines.RemoveRange(0, count);
    }
}
