using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Platform;
using Serverless.Core.Runs;

namespace Serverless.Functions.Events;

/// <summary>What happens after a run has ended.</summary>
public sealed class EventFunctions(WorkspaceDirectory workspaces)
{
    [Function("PublishOutputs")]
    public Task PublishOutputs(
        [ServiceBusTrigger(QueueNames.Events, QueueNames.Platform, Connection = "ServiceBus")] string body, CancellationToken cancel) =>
        EventReader.WorkspaceEventIn(new Message("", body)) switch
        {
            RunEnded ended => FinishRun(workspaces.Open(ended.Workspace), ended.Run, cancel),
            { } => Task.CompletedTask,
            null => throw new InvalidDataException("the event cannot be understood"),
        };

    private static async Task FinishRun(Workspace workspace, string run, CancellationToken cancel)
    {
        await workspace.Publication.Publish(run, cancel);
        await workspace.Metrics.Overviews.Make(run, cancel);
    }
}
