using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Core.Messaging;

/// <summary>
/// Something that happened in a workspace, as it is said on the topic <see cref="QueueNames.Events"/>. Delivered at least once and in any order; what
/// is true is in the workspace. A subscriber completes the events that are not for it.
/// </summary>
public abstract record WorkspaceEvent(string Workspace)
{
    /// <summary>What happened, as it is written: <c>run-ended</c>.</summary>
    public abstract string Type { get; }

    /// <summary>What the message's id begins with, for people who look into a queue.</summary>
    [JsonIgnore]
    protected abstract string Subject { get; }

    /// <summary>Whether everything that must be said was said.</summary>
    [JsonIgnore]
    internal abstract bool IsWhole { get; }

    /// <summary>A message of its own each time: what must not be done twice is made out by its handler, not by the bus.</summary>
    public Message ToMessage(IIds ids) => new($"{Subject}:{ids.Nonce()}", JsonSerializer.Serialize(this, GetType(), CoreJson.Options));
}
