namespace Serverless.Core;

/// <summary>What went wrong, for people who read a log or a run's history.</summary>
public static class FaultText
{
    /// <summary>What the system, or a rule of the platform, says speaks for itself; of what nobody expected its kind is told, too.</summary>
    public static string Of(Exception wrong) =>
        wrong is IOException or UnauthorizedAccessException
            || wrong.GetType().Namespace?.StartsWith(nameof(Serverless), StringComparison.Ordinal) is true
            ? wrong.Message
            : $"{wrong.GetType().Name}: {wrong.Message}";
}
