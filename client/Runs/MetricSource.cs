using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>Who measured.</summary>
[JsonConverter(typeof(EnumNamesConverter<MetricSource>))]
public enum MetricSource
{
    /// <summary>The run's code.</summary>
    Run,

    /// <summary>The worker, of its machine: <c>system/*</c>.</summary>
    Machine,
}
