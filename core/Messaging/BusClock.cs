namespace Serverless.Core.Messaging;

/// <summary>
/// What the embedded bus measures with. Delays and locks count in the time for which the machine has run: it is the same in all processes, and nobody
/// can set it. A clock on the wall that is set back by two hours would keep every delayed message for two hours. See docs/decisions/0170.
/// </summary>
internal readonly record struct BusClock(TimeProvider time)
{
    public TimeSpan Uptime => time.GetElapsedTime(0);

    /// <summary>For people, and for the order of things that were written on different days.</summary>
    public DateTimeOffset Now => time.GetUtcNow();
}
