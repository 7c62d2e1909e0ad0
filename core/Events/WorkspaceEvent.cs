using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;

namespace Serverless.Core.Events;

/// <summary>
/// Something that happened in a workspace, as it is said on the topic <see cref="QueueNames.Events"/>. Delivered at least once and in any order; what is true is in the
/// workspace. A subscriber completes the events that are not for it.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(RunEnded), "run-ended")]
[JsonDerivedType(typeof(DatasetPublished), "dataset-published")]
[JsonDerivedType(typeof(TriggerActed), "trigger-acted")]
public abstract record WorkspaceEvent(string Workspace)
{
    /// <summary>A message of its own each time: what must not be done twice is made out by its handler, not by the bus.</summary>
    public Message ToMessage(IIds ids) => new($"{Subject}:{ids.Nonce()}", JsonSerializer.Serialize(this, CoreJson.Options));

    /// <summary>Null when the message cannot be understood.</summary>
    public static WorkspaceEvent? From(Message message)
    {
        try
        {
            return JsonSerializer.Deserialize<WorkspaceEvent>(message.Body, CoreJson.Options) is { Workspace: not null, IsWhole: true } happened ? happened : null;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>What the message's id begins with, for people who look into a queue.</summary>
    [JsonIgnore]
    protected abstract string Subject { get; }

    /// <summary>Whether everything that must be said was said.</summary>
    [JsonIgnore]
    protected abstract bool IsWhole { get; }
}

/// <summary>A run is in a terminal state.</summary>
public sealed record RunEnded(string Workspace, string Run, RunState State, Cause? Cause) : WorkspaceEvent(Workspace)
{
    protected override string Subject => $"{Run}:ended";
    protected override bool IsWhole => Run is not null;
}

/// <summary>A dataset has a new version.</summary>
/// <param name="Version">Its number: 1, 2, 3…</param>
/// <param name="Sha256">What it is: the hash of its paths and contents.</param>
public sealed record DatasetPublished(string Workspace, string Dataset, int Version, string Sha256) : WorkspaceEvent(Workspace)
{
    protected override string Subject => $"{Dataset}:{Version}:published";
    protected override bool IsWhole => Dataset is not null && Sha256 is not null;
}

/// <summary>A trigger did what it does about one cause: it submitted, was stopped by one of its guards, or failed.</summary>
/// <param name="Firing">Identifies the pair of trigger and cause.</param>
public sealed record TriggerActed(string Workspace, string Trigger, string Firing) : WorkspaceEvent(Workspace)
{
    protected override string Subject => $"{Trigger}:{Firing}";
    protected override bool IsWhole => Trigger is not null && Firing is not null;
}
