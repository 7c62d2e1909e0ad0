namespace Serverless.Core.Telemetry;

/// <summary>How lines of a log look.</summary>
public enum LogFormat
{
    /// <summary>For people: <c>10:41:07 warning: …</c></summary>
    Text,

    /// <summary>For programs: one JSON object a line.</summary>
    Json,
}
