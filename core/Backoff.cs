namespace Serverless.Core;

/// <summary>How long to wait before the next try: after each failure in a row twice as long as before, up to a limit.</summary>
/// <param name="First">After the first failure.</param>
/// <param name="Longest">At most.</param>
public readonly record struct Backoff(TimeSpan First, TimeSpan Longest)
{
    private const int MostDoublings = 30;

    /// <param name="failures">In a row; 1 after the first one, which is also what fewer count as.</param>
    public TimeSpan After(int failures)
    {
        var wait = First * (1L << Math.Clamp(failures - 1, 0, MostDoublings));
        return wait < Longest ? wait : Longest;
    }
}
