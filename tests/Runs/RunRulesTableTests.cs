using Serverless.Core.Runs;

namespace Serverless.Tests.Runs;

/// <summary>Every event in every situation: where the run moves (state, or state:cause when it ended or went back), or why it does not.</summary>
public sealed class RunRulesTableTests
{
    private const string Table = """
                          queued               backing-off  preparing            preparing-late       running              running-late         cancelling           cancelling-late      last-chance              given-up        succeeded  failed     cancelled
        claim             preparing            illegal      illegal              preparing            illegal              preparing            illegal              cancelled:cancelled  failed:retries-exhausted preparing      stale      stale      stale
        claim-again       preparing            illegal      preparing            preparing            running              running              running              running              running                  preparing       stale      stale      stale
        renew             stale                stale        preparing            preparing            running              running              running              running              running                  stale           stale      stale      stale
        renew-old         stale                stale        stale                stale                stale                stale                stale                stale                stale                    stale           stale      stale      stale
        start             stale                stale        running              running              same                 same                 same                 same                 same                     stale           stale      stale      stale
        commit            stale                stale        preparing            preparing            running              running              running              running              running                  stale           stale      stale      stale
        commit-old        stale                stale        stale                stale                stale                stale                stale                stale                stale                    stale           stale      stale      stale
        commit-foreign    stale                stale        illegal              illegal              illegal              illegal              illegal              illegal              illegal                  stale           stale      stale      stale
        fall-back         stale                stale        same                 same                 same                 same                 same                 same                 same                     stale           stale      stale      stale
        completed         stale                stale        succeeded:completed  succeeded:completed  succeeded:completed  succeeded:completed  succeeded:completed  succeeded:completed  succeeded:completed      stale           same       stale      stale
        user-code         stale                same         failed:user-code     failed:user-code     failed:user-code     failed:user-code     cancelled:cancelled  cancelled:cancelled  failed:user-code         stale           stale      same       stale
        build             stale                stale        failed:build         failed:build         failed:build         failed:build         cancelled:cancelled  cancelled:cancelled  failed:build             stale           stale      stale      stale
        out-of-memory     stale                stale        failed:out-of-memory failed:out-of-memory failed:out-of-memory failed:out-of-memory cancelled:cancelled  cancelled:cancelled  failed:out-of-memory     stale           stale      stale      stale
        disk-full         stale                stale        failed:disk-full     failed:disk-full     failed:disk-full     failed:disk-full     cancelled:cancelled  cancelled:cancelled  failed:disk-full         stale           stale      stale      stale
        timeout           stale                stale        failed:timeout       failed:timeout       failed:timeout       failed:timeout       cancelled:cancelled  cancelled:cancelled  failed:timeout           stale           stale      stale      stale
        input-changed     stale                stale        failed:input-changed failed:input-changed failed:input-changed failed:input-changed cancelled:cancelled  cancelled:cancelled  failed:input-changed     stale           stale      stale      stale
        invalid           stale                stale        failed:invalid       failed:invalid       failed:invalid       failed:invalid       cancelled:cancelled  cancelled:cancelled  failed:invalid           stale           stale      stale      stale
        storage-full      stale                stale        queued:storage-full  queued:storage-full  queued:storage-full  queued:storage-full  cancelled:cancelled  cancelled:cancelled  failed:retries-exhausted stale           stale      stale      stale
        preempted         stale                stale        queued:preempted     queued:preempted     queued:preempted     queued:preempted     cancelled:cancelled  cancelled:cancelled  failed:retries-exhausted stale           stale      stale      stale
        stopped           stale                stale        cancelled:cancelled  cancelled:cancelled  cancelled:cancelled  cancelled:cancelled  cancelled:cancelled  cancelled:cancelled  cancelled:cancelled      stale           stale      stale      same
        completed-old     stale                stale        stale                stale                stale                stale                stale                stale                stale                    stale           stale      stale      stale
        expire            same                 same         illegal              queued:worker-lost   illegal              queued:worker-lost   illegal              cancelled:cancelled  failed:retries-exhausted same            same       same       same
        cancel            cancelled:cancelled  cancelled:cancelled preparing     cancelled:cancelled  running              cancelled:cancelled  same                 same                 cancelled:cancelled      cancelled:cancelled same   same       same
        refuse            failed:invalid       failed:invalid illegal            failed:invalid       illegal              failed:invalid       illegal              failed:invalid       failed:invalid           failed:invalid  same       same       same
        publish           illegal              illegal      illegal              illegal              illegal              illegal              illegal              illegal              illegal                  illegal         succeeded  illegal    illegal
        tag               queued               queued       preparing            preparing            running              running              running              running              running                  queued          succeeded  failed     cancelled
        retag             queued               queued       preparing            preparing            running              running              running              running              running                  queued          succeeded  failed     cancelled
        check             queued               queued       preparing            preparing            running              running              running              running              running                  queued          succeeded  failed     cancelled
        plot              queued               queued       preparing            preparing            running              running              running              running              running                  queued          succeeded  failed     cancelled
        """;

    public static TheoryData<string, string, string> Cells()
    {
        var rows = Table.Split('\n').Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        var cells = new TheoryData<string, string, string>();
        foreach (var row in rows.Skip(1))
        {
            foreach (var (situation, expected) in rows[0].Zip(row.Skip(1))) cells.Add(situation, row[0], expected);
        }

        return cells;
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Decide_InEverySituation(string situation, string happened, string expected)
    {
        var run = Some.In(situation);
        var decision = RunRules.Decide(run, Event(happened, run.Epoch), Some.Now);
        Assert.Equal(expected, decision switch
        {
            Decision.Moved { Run: var moved } when moved.State == run.State || moved.State.IsOwned => Name(moved.State),
            Decision.Moved { Run: var moved } => $"{Name(moved.State)}:{Name(moved.Cause!.Value)}",
            Decision.Unchanged => "same",
            Decision.Stale => "stale",
            Decision.Illegal => "illegal",
            _ => "?",
        });
        if (decision is Decision.Moved { Run: var after }) AssertConsistent(run, after);
    }

    [Fact]
    public void Table_CoversEveryEventAndEveryCauseThatAWorkerGives()
    {
        var events = Cells().Select(cell => cell.Data.Item2).Distinct().Select(name => Event(name, 1)).ToList();
        var kinds = typeof(RunEvent).GetNestedTypes().Where(type => !type.IsAbstract).Select(type => type.Name);
        Assert.Empty(kinds.Except(events.Select(happened => happened.GetType().Name)));
        var causes = Enum.GetValues<Cause>().Except([Cause.WorkerLost, Cause.RetriesExhausted]);
        Assert.Empty(causes.Except(events.OfType<RunEvent.Finish>().Select(finish => finish.Ending.Cause)));
    }

    private static void AssertConsistent(RunRecord before, RunRecord after)
    {
        Assert.Equal(after.State.IsOwned, after.Lease is not null);
        Assert.Equal(after.State.IsTerminal && !before.State.IsTerminal, after.Ended is not null);
        Assert.Equal(after.Epoch, after.Attempts.Count);
        Assert.Equal(after.Lease is null ? 0 : 1, after.Attempts.Count(attempt => attempt.Ended is null));
        if (!after.State.IsOwned) Assert.All(after.Attempts, attempt => Assert.NotNull(attempt.Cause));
    }

    private static RunEvent Event(string name, int epoch) => name switch
    {
        "claim" => new RunEvent.Claim("worker-2", Some.LeaseLength, "nonce-2"),
        "claim-again" => new RunEvent.Claim("worker-1", Some.LeaseLength, "nonce-1"),
        "renew" => new RunEvent.Renew(epoch),
        "renew-old" => new RunEvent.Renew(epoch - 1),
        "start" => new RunEvent.Start(epoch),
        "commit" => new RunEvent.Commit(epoch, Some.Checkpoint(epoch, 10)),
        "commit-old" => new RunEvent.Commit(epoch - 1, Some.Checkpoint(epoch - 1, 10)),
        "commit-foreign" => new RunEvent.Commit(epoch, Some.Checkpoint(epoch + 1, 10)),
        "fall-back" => new RunEvent.FallBack(epoch, "attempts/run-1/000001/checkpoints/000000000010.json", "a piece is missing"),
        "publish" => new RunEvent.Publish([new("weights.bin", "it is a folder")]),
        "completed-old" => new RunEvent.Finish(epoch - 1, new(Cause.Completed)),
        "stopped" => new RunEvent.Finish(epoch, new(Cause.Cancelled)),
        "expire" => new RunEvent.ExpireLease(),
        "cancel" => new RunEvent.RequestCancel("bob", null),
        "refuse" => new RunEvent.Refuse("no such snapshot"),
        "tag" => new RunEvent.SetTags(["baseline"]),
        "retag" => new RunEvent.ChangeTags(["baseline"], ["draft"]),
        "plot" => new RunEvent.SetReport([new("Loss", Series: [new("loss")])]),
        "check" => new RunEvent.SetChecks(new Dictionary<string, string> { ["loss"] = "..1" }),
        _ => new RunEvent.Finish(epoch, new(Enum.GetValues<Cause>().Single(cause => Name(cause) == name))),
    };

    private static string Name<T>(T value) where T : struct, Enum => Serverless.Core.CoreJson.Name(value);
}
