namespace Serverless.Client;

/// <summary>What happens to a run's log while it is followed.</summary>
public abstract record LogUpdate
{
    private LogUpdate() { }

    /// <summary>The code printed it: whole characters, line ends as they were printed, not always whole lines.</summary>
    public sealed record Printed(string Text) : LogUpdate;

    /// <summary>A new attempt goes on from byte <paramref name="Offset"/> of the log: some of what follows may have been printed before.</summary>
    public sealed record Rewound(long Offset) : LogUpdate;

    /// <summary>Something before this cannot be read; <paramref name="Problem"/> says what.</summary>
    public sealed record Incomplete(string Problem) : LogUpdate;

    /// <summary>The run has ended, and this was all of its log.</summary>
    public sealed record Ended(RunState State, Cause? Cause) : LogUpdate;
}

/// <summary>Data of the events <c>log</c>, <c>problem</c> and <c>revoked</c> of a log that is followed.</summary>
public sealed record LogText(string Text);

/// <summary>Data of the event <c>rewind</c>.</summary>
public sealed record LogRewind(long Offset);

/// <summary>Data of the event <c>end</c>.</summary>
public sealed record LogEnd(RunState State, Cause? Cause = null);
