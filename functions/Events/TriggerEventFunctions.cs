using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Platform;
using Serverless.Core.Storage;

namespace Serverless.Functions.Events;

/// <summary>What sets triggers off: events of the workspace, changes of files, the clock.</summary>
public sealed class TriggerEventFunctions(WorkspaceDirectory workspaces, ApiKeys keys, DamageNotices notices)
{
    [Function("TriggerOnEvent")]
    public Task OnEvent(
        [ServiceBusTrigger(QueueNames.Events, QueueNames.Triggers, Connection = "ServiceBus")] string body, CancellationToken cancel) =>
        EventReader.WorkspaceEventIn(new Message("", body)) is { } happened
            ? workspaces.Open(happened.Workspace).Triggers.Handle(happened, cancel)
            : throw new InvalidDataException("the event cannot be understood");

    [Function("TriggerOnFile")]
    public Task OnFile([ServiceBusTrigger(QueueNames.FileEvents, Connection = "ServiceBus")] string body, CancellationToken cancel) =>
        FileChanged.From(new Message("", body)) is { } changed
            ? workspaces.Open(changed.Workspace).Triggers.Handle(changed, cancel)
            : Task.CompletedTask;

    /// <summary>At the beginning of each minute, which is when schedules have their instants.</summary>
    [Function("TriggerSchedules")]
    public Task Schedules([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, workspace => workspace.Triggers.Tick(cancel), cancel);

    [Function("TriggerTend")]
    public Task Tend([TimerTrigger("30 * * * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, workspace => workspace.Triggers.Tend(cancel), cancel);
}
