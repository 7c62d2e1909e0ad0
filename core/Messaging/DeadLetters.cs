namespace Serverless.Core.Messaging;

/// <summary>
/// Dead letters, as one workspace sees them. Queues are shared by all workspaces, so that only letters that name this one are its own; those that
/// name none cannot be told apart and are shown to admins.
/// </summary>
/// <param name="subjectOf">What a message is about; null: it names no workspace.</param>
public sealed class DeadLetters(string workspace, IMessageBus bus, IReadOnlyList<string> machineClasses, Func<Message, MessageSubject?> subjectOf)
{
    private const int MostOfAQueue = 1000;

    private IEnumerable<string> Queues =>
    [
        .. machineClasses.Select(QueueNames.ForMachine), QueueNames.Subscription(QueueNames.Events, QueueNames.Platform),
        QueueNames.Subscription(QueueNames.Events, QueueNames.Triggers), QueueNames.Subscription(QueueNames.Events, QueueNames.Notices),
        QueueNames.FileEvents,
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
        (await bus.DeadLetters(queue, MostOfAQueue, cancel)).Select(letter => (Letter: letter, About: subjectOf(letter.Message)))
            .Where(found => found.About is { } about ? about.Workspace == workspace : nobodys)
            .Select(found => new DeadLetterInfo(queue, found.Letter.Message.Id, found.Letter.Reason, found.Letter.At, found.Letter.DeliveryCount,
                found.About?.Run, found.Letter.Message.Body));
}

/// <param name="Run">Null: it is about the workspace.</param>
public readonly record struct MessageSubject(string Workspace, string? Run);
