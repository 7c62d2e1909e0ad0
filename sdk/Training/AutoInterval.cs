namespace Serverless.Training;

/// <summary>
/// How far apart checkpoints have to be for a bounded overhead, learned from what they cost. It knows no clock and no tensor: every time is told.
/// A checkpoint's cost is the time that it blocks training plus the time that the steps behind it take longer than steps do otherwise.
/// </summary>
/// <param name="overhead">Fraction of the training time that checkpoints may cost.</param>
/// <param name="most">The interval is never longer, even when that costs more than the overhead.</param>
internal sealed class AutoInterval(double overhead, TimeSpan most)
{
    /// <summary>A cheap checkpoint is no reason for hundreds of them: each is uploaded, kept for a while and deleted.</summary>
    public static readonly TimeSpan Least = TimeSpan.FromSeconds(30);

    // The worker takes the files when they are written: it reads, hashes and stores the same
    // bytes, which takes about as long again, once it has noticed them.
    private static readonly TimeSpan Notice = TimeSpan.FromSeconds(2);
    private const int Remembered = 256;

    private readonly Queue<TimeSpan> usual = new(Remembered);
    private TimeSpan usualSum;
    private TimeSpan? learned, stall;
    private TimeSpan slower;
    private TimeSpan savedAt, behindUntil;

    /// <summary>What a checkpoint costs by now; null before the first. The newest counts half: costs change with the machine's other work.</summary>
    public TimeSpan? Cost => stall is not { } blocked ? learned : Blend(blocked + Max(slower, TimeSpan.Zero));

    /// <summary>From the end of one save to the next. Before the first its cost is unknown.</summary>
    public TimeSpan Current => Of(Cost ?? TimeSpan.Zero, overhead, most);

    public static TimeSpan Of(TimeSpan cost, double overhead, TimeSpan most)
    {
        var wanted = cost.TotalSeconds / overhead;
        return wanted >= most.TotalSeconds ? most : Min(Max(TimeSpan.FromSeconds(wanted), Least), most);
    }

    /// <summary>A save has returned.</summary>
    public void Saved(TimeSpan now, TimeSpan blocked)
    {
        learned = Cost;
        (stall, slower, savedAt, behindUntil) = (blocked, TimeSpan.Zero, now, now);
    }

    /// <summary>A step of the training has ended.</summary>
    /// <param name="took">The step alone: no validation, no save.</param>
    /// <param name="writing">Whether a checkpoint is still being written.</param>
    public void Step(TimeSpan now, TimeSpan took, bool writing)
    {
        if (writing) behindUntil = now + (now - savedAt) + Notice;
        if (now > behindUntil || stall is null) Remember(took);
        // Steps differ among themselves (accumulation, lengths of sequences): only their mean says what is usual.
        else if (usual.Count > 0) slower += took - usualSum / usual.Count;
    }

    private void Remember(TimeSpan took)
    {
        if (usual.Count == Remembered) usualSum -= usual.Dequeue();
        usual.Enqueue(took);
        usualSum += took;
    }

    private TimeSpan Blend(TimeSpan cost) => learned is { } before ? (before + cost) / 2 : cost;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
