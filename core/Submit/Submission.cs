using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Code;
using Serverless.Core.Datasets;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Telemetry;
using Serverless.Core.Versions;

namespace Serverless.Core.Submit;

/// <summary>
/// The front door: spec → version → one run a seed, each written and woken, or found to exist. Safe to repeat from the top after a failure at any
/// point: what an earlier try left half done is finished, never doubled.
/// Keep one for each workspace: it remembers snapshots, versions and hashes of inputs.
/// </summary>
public sealed class Submission
{
    private readonly IIds ids;
    private readonly SubmissionOptions options;
    private readonly RunStore runs;
    private readonly KeyedRuns keyed;
    private readonly Requests requests;
    private readonly Resolver resolver;
    private readonly ILogger log;

    public Submission(string workspace, IObjectStore store, IMessageBus bus, IIds ids, SubmissionOptions options, ILogger<Submission>? log = null)
    {
        this.log = log ?? NullLogger<Submission>.Instance;
        this.ids = ids;
        this.options = options;
        Code = new(store, options.Code);
        Versions = new(store);
        Datasets = new(store);
        runs = new(store);
        keyed = new(store, new(workspace, store, bus, ids, log));
        requests = new(store, options.RequestLifetime);
        resolver = new(store, Code, Versions, Datasets, options);
    }

    /// <summary>The workspace's code snapshots.</summary>
    public CodeStore Code { get; }

    /// <summary>The workspace's versions.</summary>
    public VersionStore Versions { get; }

    /// <summary>The workspace's datasets.</summary>
    public DatasetCatalog Datasets { get; }

    /// <param name="by">Who submits, for people.</param>
    /// <exception cref="StoreUnavailableException">Something was or was not written; submit again.</exception>
    /// <exception cref="BusUnavailableException">The same.</exception>
    public Task<SubmitResult> Submit(ExperimentSpec spec, string? by, Idempotency? idempotency = null, CancellationToken cancel = default) =>
        Once(idempotency, spec.Seeds.Count, () => Plan(spec, by, origin: null, cancel), cancel);

    /// <summary>
    /// Submits for a trigger, with ids that the caller has written down before: repeated with the same ids, however late, it makes nothing twice.
    /// </summary>
    /// <param name="runIds">One a seed. Where a run is reused, its id stays unused.</param>
    public async Task<SubmitResult> SubmitForTrigger(
        ExperimentSpec spec, string by, RunOrigin origin, IReadOnlyList<string> runIds, CancellationToken cancel = default)
    {
        var planned = await Plan(spec, by, origin, cancel);
        return planned.Problems.Count > 0
            ? new SubmitResult.Invalid(planned.Problems)
            : new SubmitResult.Accepted(await Make(planned, runIds, again: true, cancel));
    }

    /// <summary>
    /// What a spec that is to be submitted later asks for and the workspace does not have: its snapshot, a command in it, its machine class.
    /// </summary>
    public async Task<IReadOnlyList<Problem>> Check(ExperimentSpec spec, CancellationToken cancel = default)
    {
        var problems = new ProblemList();
        await resolver.Check(spec, problems, cancel);
        return problems;
    }

    /// <summary>
    /// Executes a run's spec once more as it was resolved then, whatever became of it: the
    /// same code, inputs and parameters. Null: there is no such run.
    /// </summary>
    public async Task<SubmitResult?> Rerun(string runId, string? by, Idempotency? idempotency = null, CancellationToken cancel = default)
    {
        if (await runs.Load(runId, cancel) is not { Run: var run }) return null;
        return await Once(idempotency, 1, Again, cancel);

        // A record is a file that people may have edited: what it says is judged as what is sent is.
        async Task<Planned> Again()
        {
            var problems = ResolvedSpecRules.Problems(run);
            await resolver.Check(ResolvedSpecRules.AsSent(run), problems, cancel);
            return problems.Count > 0
                ? new(problems)
                : new([]) { Runs = [new("", run.Project, run.Experiment, run.Version, run.Spec, by, run.Tags) { Fresh = true }] };
        }
    }

    /// <summary>Frees the key of a run whose record is about to be deleted, so that the same spec is computed anew.</summary>
    public Task Release(RunRecord run, CancellationToken cancel = default) => keyed.Release(run, cancel);

    /// <summary>Forgets idempotency keys that are past their lifetime; once a day is enough.</summary>
    /// <returns>How many.</returns>
    public Task<int> RemoveExpiredRequests(CancellationToken cancel = default) => requests.RemoveExpired(cancel);

    private async Task<Planned> Plan(ExperimentSpec spec, string? by, RunOrigin? origin, CancellationToken cancel)
    {
        var problems = SpecRules.Problems(spec);
        if (problems.Count > 0 || await resolver.Resolve(spec, problems, cancel) is not { } first) return new(problems);
        var version = await Versions.Register(spec.Project, spec.Name, ExperimentDefinition.Of(spec, first), first.Code, by, cancel);
        var runs = spec.Seeds.Select(
            seed => new KeyRecord("", spec.Project, spec.Name, version, first with { Seed = seed }, by, spec.Tags, origin) { Fresh = spec.Fresh });
        return new([]) { Runs = [.. runs] };
    }

    private async Task<SubmitResult> Once(Idempotency? idempotency, int count, Func<Task<Planned>> plan, CancellationToken cancel)
    {
        if (idempotency is null)
        {
            var once = await plan();
            return once.Problems.Count > 0
                ? new SubmitResult.Invalid(once.Problems)
                : new SubmitResult.Accepted(await Make(once, NewIds(count), again: false, cancel));
        }

        if (idempotency.Key.Length is 0 or > 255) return new SubmitResult.Invalid([new("Idempotency-Key", "must be 1 to 255 characters")]);
        var begun = await requests.Find(idempotency, cancel);
        if (begun is not null && Settled(begun) is { } known) return known;
        var planned = await plan();
        if (planned.Problems.Count > 0) return new SubmitResult.Invalid(planned.Problems);
        begun ??= await requests.Begin(idempotency, NewIds(count), cancel);
        if (Settled(begun) is { } meanwhile) return meanwhile;
        return new SubmitResult.Accepted(await requests.Finish(begun, await Make(planned, begun.Record.Runs, begun.Again, cancel), cancel));

        SubmitResult? Settled(Requests.ReservedRequest begun) =>
            begun.Record.BodySha256 != idempotency.BodySha256
                ? new SubmitResult.IdempotencyConflict("this idempotency key was used for another request; take a new one")
            : begun.Record.Answer is { } answer ? new SubmitResult.Accepted(answer)
            : null;
    }

    private async Task<Submitted> Make(Planned planned, IReadOnlyList<string> runIds, bool again, CancellationToken cancel)
    {
        var made = new SubmittedRun[planned.Runs.Count];
        var several = new ParallelOptions { MaxDegreeOfParallelism = options.WritingDegree, CancellationToken = cancel };
        if (made.Length == 1) await One(0, cancel);
        else await Parallel.ForAsync(0, made.Length, several, async (i, stop) => await One(i, stop));
        return new(planned.Runs[0].Project, planned.Runs[0].Experiment, planned.Runs[0].Version, made);

        async Task One(int i, CancellationToken stop)
        {
            var wanted = planned.Runs[i] with { Run = runIds[i] };
            using var span = Tracing.Source.StartActivity("submit");
            var run = made[i] = await keyed.Ensure(wanted, again, stop);
            span?.SetTag(Tracing.Run, run.Id).SetTag(Tracing.Experiment, $"{wanted.Project}/{wanted.Experiment}");
            if (run.Reused) log.Reused(run.Id, wanted.Project, wanted.Experiment, wanted.Version, wanted.By ?? "somebody");
            else log.Submitted(run.Id, wanted.Project, wanted.Experiment, wanted.Version, wanted.By ?? "somebody");
        }
    }

    private List<string> NewIds(int count) => [.. Enumerable.Range(0, count).Select(_ => ids.NewestFirst())];

    private sealed record Planned(IReadOnlyList<Problem> Problems)
    {
        public IReadOnlyList<KeyRecord> Runs { get; init; } = [];
    }
}
