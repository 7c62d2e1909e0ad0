using System.Text.Json;
using Serverless.Core.Messaging;

namespace Serverless.Core.Runs;

/// <summary>Wakes a worker: "there may be something to do for this run". Carries no state.</summary>
public sealed record RunWake(string Workspace, string Run)
{
    /// <summary>A wake of its own each time: equal ids only where one send is retried, so that duplicate detection never swallows a needed wake.</summary>
    public Message ToMessage(int epoch, IIds ids) => new($"{Run}:{epoch}:{ids.Nonce()}", JsonSerializer.Serialize(this, CoreJson.Options));

    /// <summary>Null when the message cannot be understood.</summary>
    public static RunWake? From(Message message) => Wire.Read<RunWake>(message) is { Workspace: not null, Run: not null } wake ? wake : null;
}

/// <summary>Says on the events topic that a run ended. May be delivered twice.</summary>
public sealed record RunEnded(string Workspace, string Run, RunState State, Cause? Cause)
{
    public Message ToMessage(IIds ids) => new($"{Run}:ended:{ids.Nonce()}", JsonSerializer.Serialize(this, CoreJson.Options));

    public static RunEnded? From(Message message) => Wire.Read<RunEnded>(message) is { Workspace: not null, Run: not null } ended ? ended : null;
}

file static class Wire
{
    public static T? Read<T>(Message message) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(message.Body, CoreJson.Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
