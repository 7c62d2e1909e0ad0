using System.Globalization;
using System.Text.Json;
using Serverless.Core.Messaging;

namespace Serverless.Core.Runs;

/// <summary>Wakes a worker: "there may be something to do for this run". Carries no state.</summary>
public sealed record RunWake(string Workspace, string Run)
{
    /// <summary>
    /// A wake of its own each time: equal ids only where one send is retried, so that duplicate detection never swallows a needed wake.
    /// </summary>
    /// <param name="submitted">A run that lost its worker was submitted before those that still
    /// wait for their first, and comes before them again.</param>
    public Message ToMessage(int epoch, IIds ids, DateTimeOffset? submitted = null) =>
        new($"{Run}:{epoch}:{ids.Nonce()}", JsonSerializer.Serialize(this, CoreJson.Options), submitted);

    /// <summary>The epoch that the run was at when a wake for it was sent; null when the message is none.</summary>
    public static int? EpochOf(Message message) =>
        message.Id.Split(':') is [_, var epoch, _, ..] && int.TryParse(epoch, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    /// <summary>Null when the message cannot be understood.</summary>
    public static RunWake? From(Message message)
    {
        try
        {
            return JsonSerializer.Deserialize<RunWake>(message.Body, CoreJson.Options) is { Workspace: not null, Run: not null } wake ? wake : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
