namespace Serverless.Cli;

/// <summary>What <c>exp</c> ends with; <c>exp --help</c> lists them.</summary>
enum ExitCode
{
    Success = 0,

    /// <summary>The command did what it was asked to; what it waited for, a run or a receiver, did not succeed.</summary>
    RunFailed = 1,

    /// <summary>Unknown option, invalid experiment, a request that makes no sense now.</summary>
    Usage = 2,

    /// <summary>The platform cannot be reached, or failed.</summary>
    Unreachable = 3,
    NotFound = 4,

    /// <summary>No key, a wrong key, or a key whose role is too small.</summary>
    NotAllowed = 5,

    /// <summary>The runs that were waited for succeeded, but their results are not what the experiment's checks want.</summary>
    ChecksFailed = 6,

    /// <summary>Ctrl-C, as shells report it.</summary>
    Interrupted = 130,
}

/// <summary>Ends a command with one line for people. Further lines, when there are any, each name one thing to change.</summary>
sealed class ExpException(ExitCode code, string message, IReadOnlyList<string>? lines = null, Exception? inner = null) : Exception(message, inner)
{
    public ExitCode Code => code;
    public IReadOnlyList<string> Lines => lines ?? [];

    public static ExpException Usage(string message, IReadOnlyList<string>? lines = null) => new(ExitCode.Usage, message, lines);

    public static ExpException NotFound(string message) => new(ExitCode.NotFound, message);
}
