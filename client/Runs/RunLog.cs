namespace Serverless.Client;

/// <summary>A log as it was when it was asked for.</summary>
/// <param name="Text">UTF-8, as the code printed it.</param>
/// <param name="End">Where the text ends in the log, in bytes; following goes on there.</param>
/// <param name="Problems">What of it is missing, in words; null: nothing.</param>
public sealed record RunLog(Stream Text, long End, string? Problems) : IAsyncDisposable
{
    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Text.DisposeAsync();
}
