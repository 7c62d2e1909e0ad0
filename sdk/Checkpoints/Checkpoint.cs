using System.Text.Json;
using Serverless.Contract;

namespace Serverless;

/// <summary>The checkpoint that a run went on from.</summary>
public sealed class Checkpoint
{
    private readonly CheckpointInfo info;

    internal Checkpoint(CheckpointInfo info) => this.info = info;

    /// <summary>The last step that the weights contain; go on with the one after it.</summary>
    public long Step => info.Step;

    /// <summary>Whether the save was given a cursor.</summary>
    public bool HasCursor => info.Cursor is { ValueKind: not JsonValueKind.Null };

    /// <summary>What the save was given as the place in the data, read back from JSON.</summary>
    /// <exception cref="InvalidDataException">The save was given none, or one of another shape.</exception>
    public T Cursor<T>()
    {
        if (!HasCursor) throw new InvalidDataException($"checkpoint {Step} was saved without a cursor");
        try
        {
            return info.Cursor!.Value.Deserialize<T>(SdkJson.Options)!;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"checkpoint {Step} has the cursor {info.Cursor}, which is no {typeof(T).Name}: {e.Message}", e);
        }
    }
}

/// <summary>A checkpoint could not be written. Training may go on, but has nothing newer to resume from.</summary>
public sealed class CheckpointException(string message, Exception inner) : IOException(message, inner);
