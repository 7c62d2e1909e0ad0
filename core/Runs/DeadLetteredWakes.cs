using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>
/// Runs whose wake-up call the bus itself put aside, because it was delivered again and again and nobody dealt with it: nothing would say so but the
/// dead letter, so the run ends with its reason. (A worker that puts a wake aside ends the run itself, before.) The letters stay for people.
/// </summary>
/// <param name="open">The queue of runs of a workspace.</param>
public sealed class DeadLetteredWakes(IMessageBus bus, IReadOnlyList<string> machineClasses, Func<string, RunQueue> open)
{
    private const int MostOfAQueue = 1000;

    /// <summary>
    /// Once a minute is enough. A letter about a run that was claimed since, that somebody has, or that has ended, changes nothing.
    /// </summary>
    /// <returns>How many runs ended.</returns>
    public async Task<int> EndRuns(CancellationToken cancel = default)
    {
        var ended = 0;
        foreach (var machine in machineClasses)
        {
            foreach (var letter in await bus.DeadLetters(QueueNames.ForMachine(machine), MostOfAQueue, cancel))
            {
                if (RunWake.From(letter.Message) is { } wake && RunWake.EpochOf(letter.Message) is { } epoch
                    && await End(wake, epoch, letter.Reason, cancel))
                {
                    ended++;
                }
            }
        }

        return ended;
    }

    private async Task<bool> End(RunWake wake, int epoch, string reason, CancellationToken cancel)
    {
        if (WorkspaceName.Problem(wake.Workspace) is not null) return false;
        try
        {
            return (await open(wake.Workspace).Apply(
                wake.Run, new RunEvent.Refuse($"its wake-up call was put aside: {reason}", epoch), cancel)).Moved;
        }
        catch (Exception e) when (e is DamagedRecordException or ArgumentException)
        {
            // The record or its name is damaged, perhaps the very reason; the letter says which run it is.
            return false;
        }
    }
}
