namespace Serverless.Core.Metrics.Printed;

/// <summary>Takes what is found in text.</summary>
internal interface IMetricSink
{
    void Found(ReadOnlySpan<char> name, long step, double value);

    /// <summary>Something that a person may take for a metric, and that cannot be read for certain.</summary>
    /// <param name="why">A sentence about it, without the full stop.</param>
    void LeftOut(ReadOnlySpan<char> what, string why);
}
