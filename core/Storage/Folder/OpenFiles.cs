namespace Serverless.Core.Storage.Folder;

/// <summary>
/// How many files, and connections, which count as files, a platform may have open at once. A process that finds none free cannot even say so: the
/// runtime ends it. So it asks before it starts, and takes no more connections than leave enough for store and bus.
/// </summary>
internal static class OpenFiles
{
    /// <summary>Fewer and the platform does not start.</summary>
    public const int Needed = 512;

    /// <summary>Open in a platform at rest, some 200, and for what it does by itself.</summary>
    private const int Reserve = 384;

    /// <summary>A connection, and what its request reads or writes.</summary>
    private const int ForEachConnection = 2;

    private const long MostConnections = 10_000;

    /// <summary>The runtime raised it at its start to the hard one, which only root can raise. Null: there is none.</summary>
    public static long? Limit { get; } = Posix.MostOpenFiles();

    /// <summary>Null: enough.</summary>
    public static string? Problem(long? limit) => limit < Needed
        ? $"at most {limit} files can be open at once here, and the platform needs {Needed}; raise the limit (ulimit -n 4096 before the start, or " +
            "LimitNOFILE= of its service)"
        : null;

    public static long Connections(long? limit) => Math.Clamp(((limit ?? long.MaxValue) - Reserve) / ForEachConnection, 1, MostConnections);
}
