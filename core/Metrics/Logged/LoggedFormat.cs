using Serverless.Contract;

namespace Serverless.Core.Metrics.Logged;

/// <summary>Reads the metrics in a file that a library logs to, in the pieces in which it grows.</summary>
internal abstract class LoggedFormat
{
    /// <summary>What is wrong with the file, as a sentence without the full stop: what is behind it is not read. Null: nothing.</summary>
    public string? Problem { get; protected set; }

    /// <param name="now">The time of points that have none of their own.</param>
    public abstract void Add(ReadOnlySpan<byte> bytes, DateTimeOffset now, List<MetricPoint> into);
}
