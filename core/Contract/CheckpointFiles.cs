namespace Serverless.Contract;

/// <summary>
/// What a checkpoint folder <c>checkpoints/{step}/</c> holds. The SDK writes it as <c>checkpoints/.{step}.tmp/</c> and renames it, so a folder named
/// by a number is whole. Code in other languages does the same, or the worker waits until nothing in the folder has changed for a second.
/// </summary>
internal static class CheckpointFiles
{
    public const string Model = "model.safetensors";
    public const string Optimizer = "optimizer.safetensors";
    public const string Rng = "rng.safetensors";

    /// <summary><see cref="CheckpointInfo"/> as JSON; written by the SDK only.</summary>
    public const string Info = "checkpoint.json";
}

/// <summary>The SDK's part of a checkpoint's manifest.</summary>
/// <param name="Step">The last step that the weights contain.</param>
/// <param name="Cursor">Where the data order continues; the experiment's own JSON, or null.</param>
/// <param name="MetricsBytes">Length of <c>metrics.expm</c> up to and including what was logged before the save.</param>
/// <param name="Marker">The text after the separator in the <see cref="LogMarker"/> line that
/// was printed at the save, or null when none was printed.</param>
/// <param name="Metrics">Latest value of each metric at the save, so that "best" can be chosen without reading curves.</param>
internal sealed record CheckpointInfo(
    long Step, System.Text.Json.JsonElement? Cursor, long MetricsBytes, string? Marker, IReadOnlyDictionary<string, double> Metrics);
