using Serverless.Core.Api;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;

namespace Serverless.Core.Results;

/// <summary>
/// Messages that were put aside, as one workspace sees them. Queues are shared by all workspaces, so that only letters that name this one are its own; those that
/// name none cannot be told apart and are shown to admins.
/// </summary>
public sealed class DeadLetters(string workspace, IMessageBus bus, IReadOnlyList<string> machineClasses)
{
    private const int MostOfAQueue = 1000;

    private IEnumerable<string> Queues =>
    [
        .. machineClasses.Select(QueueNames.ForMachine), QueueNames.Subscription(QueueNames.Events, QueueNames.Platform),
        QueueNames.Subscription(QueueNames.Events, QueueNames.Triggers), QueueNames.FileEvents,
    ];

    /// <summary>Oldest first.</summary>
    /// <param name="nobodys">Also those that name no workspace.</param>
    public async Task<DeadLetterList> List(bool nobodys, CancellationToken cancel = default)
    {
        var letters = new List<DeadLetterInfo>();
        foreach (var queue in Queues) letters.AddRange(await Of(queue, nobodys, cancel));
        return new([.. letters.OrderBy(letter => letter.At)]);
    }

    /// <summary>Sends a letter again, after what it died of was mended; false when there is none.</summary>
    public async Task<bool> Requeue(string queue, string id, bool nobodys, CancellationToken cancel = default) =>
        Queues.Contains(queue) && (await Of(queue, nobodys, cancel)).Any(letter => letter.Id == id) && await bus.Requeue(queue, id, cancel);

    private async Task<IEnumerable<DeadLetterInfo>> Of(string queue, bool nobodys, CancellationToken cancel) =>
        (await bus.DeadLetters(queue, MostOfAQueue, cancel)).Select(letter => (Letter: letter, About: About(letter.Message)))
            .Where(found => found.About is { } about ? about.Workspace == workspace : nobodys)
            .Select(found => new DeadLetterInfo(queue, found.Letter.Message.Id, found.Letter.Reason, found.Letter.At, found.Letter.DeliveryCount, found.About?.Run, found.Letter.Message.Body));

    // A wake and the end of a run both say which run of which workspace they are about; other events are about a workspace.
    private static (string Workspace, string? Run)? About(Message message)
    {
        if (RunWake.From(message) is { } wake) return (wake.Workspace, wake.Run);
        if (WorkspaceEvent.From(message) is { } happened) return (happened.Workspace, null);
        try
        {
            return FileChanged.From(message) is { } changed ? (changed.Workspace, null) : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
