using System.Text.Json;
using Serverless.Core.Datasets;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;

namespace Serverless.Core.Events;

/// <summary>Reads messages as what they tell.</summary>
public static class EventReader
{
    /// <summary>The event of a workspace that a message is; null when it cannot be understood.</summary>
    public static WorkspaceEvent? WorkspaceEventIn(Message message)
    {
        try
        {
            var body = JsonElement.Parse(message.Body);
            WorkspaceEvent? happened = body.GetProperty("type").GetString() switch
            {
                RunEnded.Name => body.Deserialize<RunEnded>(CoreJson.Options),
                DatasetPublished.Name => body.Deserialize<DatasetPublished>(CoreJson.Options),
                TriggerActed.Name => body.Deserialize<TriggerActed>(CoreJson.Options),
                _ => null,
            };
            return happened is { Workspace: not null, IsWhole: true } ? happened : null;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    /// <summary>
    /// What a message is about, whatever kind it is. A wake says which run of which workspace;
    /// other messages name their workspace. Null: it names none.
    /// </summary>
    public static MessageSubject? SubjectOf(Message message)
    {
        if (RunWake.From(message) is { } wake) return new(wake.Workspace, wake.Run);
        if (WorkspaceEventIn(message) is { } happened) return new(happened.Workspace, null);
        try
        {
            return FileChanged.From(message) is { } changed ? new(changed.Workspace, null) : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
