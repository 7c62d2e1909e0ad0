namespace Serverless;

/// <summary>
/// How often something is done in a training: <c>Every.Steps(500)</c>, <c>Every.Epochs(1)</c>, <c>Every.Minutes(5)</c>, <c>Every.Auto()</c>.
/// </summary>
public abstract record Every
{
    private protected Every()
    {
    }

    /// <summary>Not at all, apart from where it is done anyway.</summary>
    public static Every Never { get; } = new Nothing();

    /// <summary>After each step whose number is a multiple of this, from 1.</summary>
    public static Every Steps(long steps) => new StepCount(AtLeastOne(steps, nameof(steps)));

    /// <summary>At the end of each epoch whose number is a multiple of this, from 1.</summary>
    public static Every Epochs(int epochs = 1) => new EpochCount((int)AtLeastOne(epochs, nameof(epochs)));

    /// <summary>At the end of the first step after so many minutes.</summary>
    public static Every Minutes(double minutes) => new Span(Positive(TimeSpan.FromMinutes(minutes), nameof(minutes)));

    /// <summary>
    /// As often as a bounded overhead allows: what a checkpoint costs (how long it blocks training, and how much slower the steps are while it is
    /// written) is measured as the training
    /// goes, and the next one is due after that cost divided by the overhead; at the soonest after 30 seconds, at the latest after a time that one
    /// can bear to lose.
    /// </summary>
    /// <param name="overhead">Fraction of the training time that checkpoints may cost.</param>
    /// <param name="atMostMinutes">Never further apart than this, even when that costs more.</param>
    public static Every Auto(double overhead = 0.02, double atMostMinutes = 10)
    {
        if (overhead is not (> 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(overhead), overhead, "a fraction between 0 and 1");
        return new Bounded(overhead, Positive(TimeSpan.FromMinutes(atMostMinutes), nameof(atMostMinutes)));
    }

    /// <summary>Whether it hangs on steps and epochs alone: then it happens at the same places in every repetition.</summary>
    internal virtual bool IsCounted => true;

    /// <param name="epoch">The epoch that ends with this step, or null in the middle of one.</param>
    internal virtual bool IsAt(long step, int? epoch) => false;

    private static long AtLeastOne(long value, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 1, name);
        return value;
    }

    private static TimeSpan Positive(TimeSpan value, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero, name);
        return value;
    }

    private sealed record Nothing : Every;

    private sealed record StepCount(long Count) : Every
    {
        internal override bool IsAt(long step, int? epoch) => step % Count == 0;
    }

    private sealed record EpochCount(int Count) : Every
    {
        internal override bool IsAt(long step, int? epoch) => epoch % Count == 0;
    }

    internal sealed record Span(TimeSpan Length) : Every
    {
        internal override bool IsCounted => false;
    }

    internal sealed record Bounded(double Overhead, TimeSpan Most) : Every
    {
        internal override bool IsCounted => false;
    }
}
