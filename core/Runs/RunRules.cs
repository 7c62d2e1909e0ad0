namespace Serverless.Core.Runs;

/// <summary>The one place where a run moves: (run, event, store time) → decision. Pure.</summary>
public static class RunRules
{
    /// <summary>Of the record, which every heartbeat writes.</summary>
    public const int MaxMetrics = 500;

    /// <summary>Of each checkpoint beside the head: a record may name many.</summary>
    public const int MaxCheckpointMetrics = 24;

    /// <summary>History keeps its first entries and its newest; a run that is pre-empted for weeks must not outgrow its record.</summary>
    public const int MaxHistory = 200;

    /// <summary>A time to wait for that is further ahead was written by a clock that has been set back since, and is not waited for.</summary>
    internal static readonly TimeSpan LongestBackOff = TimeSpan.FromMinutes(10);
    private static readonly Backoff Pauses = new(TimeSpan.FromSeconds(5), LongestBackOff);

    /// <param name="now">The store's time. Leases in <paramref name="run"/> have their renewal filled in.</param>
    public static Decision Decide(RunRecord run, RunEvent happened, DateTimeOffset now) => happened switch
    {
        RunEvent.Claim claim => Claim(run, claim, now),
        RunEvent.Owned owned => Owned(run, owned, now),
        RunEvent.ExpireLease => ExpireLease(run, now),
        RunEvent.RequestCancel cancel => RequestCancel(run, cancel, now),
        RunEvent.Refuse refuse => Refuse(run, refuse, now),
        RunEvent.Publish publish => Publish(run, publish, now),
        RunEvent.SetTags tags => SetTags(run, tags.Tags),
        RunEvent.ChangeTags tags => SetTags(run, [.. run.Tags.Union(tags.Add, StringComparer.Ordinal).Except(tags.Remove, StringComparer.Ordinal)]),
        RunEvent.SetReport report => Written(run.Spec.Report) == Written(report.Report)
            ? new Decision.Unchanged("the run has these plots")
            : new Decision.Moved(run with { Spec = run.Spec with { Report = report.Report } }),
        RunEvent.SetChecks checks => SetChecks(run, checks.Checks),
        _ => throw new ArgumentException($"unknown event {happened}", nameof(happened)),
    };

    private static Decision SetTags(RunRecord run, IReadOnlyList<string> tags) =>
        run.Tags.SequenceEqual(tags) ? new Decision.Unchanged("the run has these tags") : new Decision.Moved(run with { Tags = tags });

    private static Decision Claim(RunRecord run, RunEvent.Claim claim, DateTimeOffset now)
    {
        if (run.State.IsTerminal) return new Decision.Stale($"the run has ended: {run.State}");
        if (run.Lease is { } lease)
        {
            // The answer to this very claim was lost; it holds.
            if (claim.Nonce is not null && lease.Nonce == claim.Nonce) return new Decision.Moved(run with { Lease = lease with { Renewed = null } });
            if (!lease.HasExpired(now)) return new Decision.Illegal($"{lease.Owner} has it until {lease.ExpiresAt:O}", lease.ExpiresAt);
            if (ExpireLease(run, now) is not Decision.Moved { Run: var freed })
            {
                throw new InvalidOperationException("an expired lease can always be taken");
            }

            if (freed.State.IsTerminal) return new Decision.Moved(freed);
            run = freed;
        }

        if (run.NotBefore is { } notBefore && now < notBefore && notBefore - now <= LongestBackOff)
        {
            return new Decision.Illegal($"backs off until {notBefore:O}", notBefore);
        }

        var epoch = run.Epoch + 1;
        return new Decision.Moved(Note(
            run with
            {
                State = RunState.Preparing,
                Epoch = epoch,
                Lease = new(claim.Owner, claim.LeaseLength, Renewed: null, claim.Nonce),
                NotBefore = null,
                LeftOut = null,

                // What came after the checkpoint did not happen.
                Step = run.Head?.Step,
                Metrics = run.Head?.Values ?? new Dictionary<string, double>(),
                Attempts = [.. run.Attempts, new(epoch, claim.Owner, now, run.Head is { } resumed ? Brief(run, resumed) : null)],
            },
            now, null, $"claimed by {claim.Owner}" + (run.Head is { } head ? $", resumes after step {head.Step}" : "")));
    }

    private static Decision Owned(RunRecord run, RunEvent.Owned owned, DateTimeOffset now)
    {
        if (owned is RunEvent.Finish { Ending: var end }
            && run.Attempts.FirstOrDefault(attempt => attempt.Epoch == owned.Epoch) is { Ended: not null } ended
            && (ended.Cause, ended.Metrics, ended.Logs) == (end.Cause, end.Metrics, end.Logs))
        {
            // Its author did not hear the answer. It is not fenced, and what follows from the end may still have to be done.
            return new Decision.Unchanged($"the end of attempt {owned.Epoch} is recorded");
        }

        if (owned.Epoch != run.Epoch) return new Decision.Stale($"attempt {owned.Epoch} was replaced by attempt {run.Epoch}");
        if (run.State.IsTerminal) return new Decision.Stale($"the run has ended: {run.State}");
        if (run.Lease is null) return new Decision.Stale($"attempt {owned.Epoch} has been given up");

        // An owner that is late but was not replaced is still the owner: nobody else wrote, so nothing was decided without it.
        var renewed = run with { Lease = run.Lease with { Renewed = null } };
        return owned switch
        {
            RunEvent.Renew renew => new Decision.Moved(WithValues(renewed, renew.Metrics) with { Step = renew.Step ?? run.Step }),
            RunEvent.Start => run.State == RunState.Running
                ? new Decision.Unchanged("it runs")
                : new Decision.Moved(Note(renewed with { State = RunState.Running, Started = run.Started ?? now }, now)),
            RunEvent.Commit commit => Commit(renewed, commit),
            RunEvent.FallBack back => FallBack(renewed, back, now),
            RunEvent.Finish finish => Finish(run, finish.Ending, now),
            _ => throw new ArgumentException($"unknown event {owned}", nameof(owned)),
        };
    }

    private static Decision Commit(RunRecord run, RunEvent.Commit commit)
    {
        var made = commit.Checkpoint;
        if (run.Head?.Manifest == made.Manifest || run.Checkpoints.Any(checkpoint => checkpoint.Manifest == made.Manifest))
        {
            return new Decision.Unchanged("this checkpoint is committed");
        }

        if (made.Epoch != commit.Epoch) return new Decision.Illegal($"attempt {commit.Epoch} commits a checkpoint of attempt {made.Epoch}");

        // What an earlier attempt logged before the checkpoint it left counts as long as nobody logs it again.
        made = made with { Values = MetricOrder.Of(run.Spec).Select(Merged(run.Head?.Values, made.Values), MaxMetrics).Kept };
        var kept = commit.Keep is { } keep ? run.Checkpoints.Where(checkpoint => keep.Contains(checkpoint.Manifest)) : run.Checkpoints;
        return new Decision.Moved(WithValues(run, made.Values) with { Head = made, Checkpoints = [.. kept, Brief(run, made)], Step = made.Step });
    }

    private static Decision FallBack(RunRecord run, RunEvent.FallBack back, DateTimeOffset now)
    {
        if (run.State != RunState.Preparing || run.Head is not { } broken || broken.Manifest != back.Manifest
            || run.Attempts is not [.., { Ended: null } last])
        {
            return new Decision.Unchanged("it does not resume from this checkpoint");
        }

        IReadOnlyList<CheckpointRef> kept = [.. run.Checkpoints.Where(checkpoint => checkpoint.Manifest != back.Manifest)];
        var head = kept.Count > 0 ? kept[^1] : null;
        return new Decision.Moved(Note(
            run with
            {
                Head = head,
                Checkpoints = kept,
                Step = head?.Step,
                Metrics = head?.Values ?? new Dictionary<string, double>(),
                Attempts = [.. run.Attempts.SkipLast(1), last with { Resume = head }],
            },
            now, null, $"the checkpoint of step {broken.Step} is not whole ({back.Why}); "
                + (head is null ? "starts from the beginning" : $"resumes after step {head.Step}")));
    }

    private static Decision Publish(RunRecord run, RunEvent.Publish publish, DateTimeOffset now)
    {
        if (run.State != RunState.Succeeded) return new Decision.Illegal($"only a run that succeeded publishes; this one is {run.State}");
        if (publish.Not.Count == 0 || run.Unpublished is not null) return new Decision.Unchanged("it is known what was not published");
        var first = publish.Not[0];
        return new Decision.Moved(Note(
            run with { Unpublished = publish.Not }, now, null,
            $"{(publish.Not.Count == 1 ? "1 file was" : $"{publish.Not.Count} files were")} not published: " +
            $"{(first.Path.Length > 0 ? $"data/{first.Path}: " : "")}{first.Why}"));
    }

    private static Decision.Moved Finish(RunRecord run, Ending ending, DateTimeOffset now)
    {
        run = WithValues(EndAttempt(run, ending, now), ending.Values) with
        {
            Step = ending.Step ?? run.Step,
            LeftOut = ending.LeftOut,

            // A later attempt goes on from the checkpoints of an earlier one.
            ChangedMeanwhile = run.ChangedMeanwhile ?? ending.ChangedMeanwhile,
        };
        var cause = ending.Cause;

        // A cancel that arrived while the code was failing or being handed back decides; one that arrived after it completed came too late.
        if (run.Cancel is { } cancel && cause != Cause.Completed)
        {
            return End(run, RunState.Cancelled, Cause.Cancelled, cancel.Reason ?? "cancelled on request", ending, now);
        }

        switch (cause)
        {
            case Cause.Completed:
                return End(run, RunState.Succeeded, cause, ending.Message, ending, now);
            case Cause.Cancelled:
                return End(run, RunState.Cancelled, cause, ending.Message, ending, now);
            case Cause.Preempted:
                return LoseWorker(run, cause, ending.Message ?? "the worker left", ending, now);
            case Cause.WorkerLost:
                // It lives, and would take the run again at once, into the same trouble.
                return LoseWorker(run, cause, ending.Message ?? "the worker failed", ending, now, Pauses.After(run.Lost + 1));
            case Cause.StorageFull:
                // Somebody has to make room, which takes a while.
                return LoseWorker(run, cause, ending.Message ?? "there was no room", ending, now, Pauses.After(run.Lost + 1));
            case Cause.UserCode or Cause.OutOfMemory or Cause.DiskFull:
                run = run with { Failures = run.Failures + 1 };
                var budget = run.Spec.Retries.Failed;
                if (run.Failures <= budget)
                {
                    var (wait, what) = (Pauses.After(run.Failures), ending.Message ?? "the code failed");
                    return new Decision.Moved(Note(
                        run with
                        {
                            State = RunState.Queued,
                            Cause = cause,
                            Message = ending.Message,
                            ExitCode = ending.ExitCode,
                            NotBefore = now + wait,
                        },
                        now, cause, $"{what} (failure {run.Failures}, {budget} retries allowed; tried again in {wait.TotalSeconds:0} s)"));
                }

                return End(run, RunState.Failed, cause, ending.Message, ending, now);
            case Cause.Build or Cause.Timeout or Cause.InputChanged or Cause.RetriesExhausted or Cause.Invalid:
                return End(run, RunState.Failed, cause, ending.Message, ending, now);
            default:
                throw new ArgumentException($"unknown cause {cause}", nameof(ending));
        }
    }

    private static Decision ExpireLease(RunRecord run, DateTimeOffset now)
    {
        if (run.Lease is not { } lease) return new Decision.Unchanged("nobody has it");
        if (!lease.HasExpired(now)) return new Decision.Illegal($"{lease.Owner} has it until {lease.ExpiresAt:O}", lease.ExpiresAt);
        var lost = LoseAttempt(run, now);
        return run.Cancel is { } cancel
            ? End(lost, RunState.Cancelled, Cause.Cancelled, cancel.Reason ?? "cancelled on request", null, now)
            : LoseWorker(lost, Cause.WorkerLost, $"{lease.Owner} was last heard of at {lease.Renewed:O}", null, now);
    }

    private static RunRecord LoseAttempt(RunRecord run, DateTimeOffset now) => EndAttempt(run, new(Cause.WorkerLost), now);

    private static Decision RequestCancel(RunRecord run, RunEvent.RequestCancel request, DateTimeOffset now)
    {
        if (run.State.IsTerminal) return new Decision.Unchanged($"the run has ended: {run.State}");
        if (run.Cancel is not null) return new Decision.Unchanged("its end has been asked for");
        var asked = run with { Cancel = new(now, request.By, request.Reason) };
        return run.Lease is null || run.Lease.HasExpired(now)
            ? End(LoseAttempt(asked, now), RunState.Cancelled, Cause.Cancelled, request.Reason ?? "cancelled on request", null, now)
            : new Decision.Moved(Note(asked, now, null, "cancel requested" + (request.By is null ? "" : $" by {request.By}")));
    }

    private static Decision Refuse(RunRecord run, RunEvent.Refuse refuse, DateTimeOffset now)
    {
        if (run.State.IsTerminal) return new Decision.Unchanged($"the run has ended: {run.State}");
        if (refuse.Epoch is { } meant && meant != run.Epoch)
        {
            return new Decision.Stale($"what was refused is attempt {meant}'s; the run is at {run.Epoch}");
        }

        if (run.Lease is { } lease && !lease.HasExpired(now))
        {
            return new Decision.Illegal($"{lease.Owner} has it until {lease.ExpiresAt:O}", lease.ExpiresAt);
        }

        return End(LoseAttempt(run, now), RunState.Failed, Cause.Invalid, refuse.Message, null, now);
    }

    private static Decision.Moved LoseWorker(RunRecord run, Cause cause, string message, Ending? ending, DateTimeOffset now, TimeSpan? wait = null)
    {
        run = run with { Lost = run.Lost + 1 };
        return run.Lost > run.Spec.Retries.Lost
            ? End(run, RunState.Failed, Cause.RetriesExhausted,
                $"{run.Lost} attempts ended for no fault of the code, retries.lost allows {run.Spec.Retries.Lost}; the last: {message}", ending, now)
            : new Decision.Moved(Note(
                run with { State = RunState.Queued, Cause = cause, Message = message, NotBefore = now + wait },
                now, cause, wait is { } some ? $"{message} (tried again in {some.TotalSeconds:0} s)" : message));
    }

    private static RunRecord EndAttempt(RunRecord run, Ending ending, DateTimeOffset now) => run.Attempts is [.., { Ended: null } last]
        ? run with
        {
            Lease = null,
            Attempts = [.. run.Attempts.SkipLast(1), last with { Ended = now, Cause = ending.Cause, Metrics = ending.Metrics, Logs = ending.Logs }],
        }
        : run with { Lease = null };

    private static Decision.Moved End(RunRecord run, RunState state, Cause cause, string? message, Ending? ending, DateTimeOffset now) => new(Note(
        run with
        {
            State = state, Cause = cause, Message = message, ExitCode = ending?.ExitCode, Outputs = ending?.Outputs, Ended = now, Lease = null,
            NotBefore = null,
            Checks = CheckOutcome.Of(run.Spec.Checks, run.Metrics),
        },
        now, cause, message));

    private static Decision SetChecks(RunRecord run, IReadOnlyDictionary<string, string> checks)
    {
        if (run.Spec.Checks.Count == checks.Count
            && run.Spec.Checks.All(check => checks.TryGetValue(check.Key, out var range) && range == check.Value))
        {
            return new Decision.Unchanged("the run has these checks");
        }

        return new Decision.Moved(run with
        {
            Spec = run.Spec with { Checks = checks },
            Checks = run.State.IsTerminal ? CheckOutcome.Of(checks, run.Metrics) : [],
        });
    }

    private static string Written(IReadOnlyList<ReportPlot> report) => System.Text.Json.JsonSerializer.Serialize(report, CoreJson.Options);

    private static RunRecord WithValues(RunRecord run, IReadOnlyDictionary<string, double>? values)
    {
        if (values is not { Count: > 0 }) return run;
        var (kept, leftOut) = MetricOrder.Of(run.Spec).Select(Merged(run.Metrics, values), MaxMetrics);
        return run with { Metrics = kept, MetricsLeftOut = Math.Max(run.MetricsLeftOut, leftOut) };
    }

    private static Dictionary<string, double> Merged(IReadOnlyDictionary<string, double>? before, IReadOnlyDictionary<string, double> values)
    {
        var merged = new Dictionary<string, double>(before ?? new Dictionary<string, double>(), StringComparer.Ordinal);
        foreach (var (name, value) in values) merged[name] = value;
        return merged;
    }

    private static CheckpointRef Brief(RunRecord run, CheckpointRef checkpoint) =>
        checkpoint with { Values = MetricOrder.Of(run.Spec).Select(checkpoint.Values, MaxCheckpointMetrics).Kept };

    private static RunRecord Note(RunRecord run, DateTimeOffset now, Cause? cause = null, string? message = null)
    {
        var entry = new HistoryEntry(now, run.State, run.Epoch, cause, message);
        var history = run.History.Count < MaxHistory
            ? run.History
            : [.. run.History.Take(MaxHistory / 2), .. run.History.Skip(run.History.Count - MaxHistory / 2 + 1)];
        return run with { History = [.. history, entry] };
    }
}
