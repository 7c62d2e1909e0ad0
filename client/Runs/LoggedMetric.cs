namespace Serverless.Client;

/// <summary>A point of a metric, as it was logged.</summary>
/// <param name="Step">As the code counts.</param>
/// <param name="At">When it was logged.</param>
public readonly record struct LoggedMetric(string Name, long Step, double Value, DateTimeOffset At);
