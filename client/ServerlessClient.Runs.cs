using System.Runtime.CompilerServices;
using System.Text.Json;
using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>Submits an experiment: it is checked, numbered and its runs are queued. Sent again after a break, it is submitted once.</summary>
    /// <exception cref="ApiException">It is not valid: <see cref="ApiException.Problems"/> has everything that is wrong.</exception>
    public Task<Submitted> Submit(Experiment experiment, CancellationToken cancel = default) => Submit(Call.Json(experiment), cancel);

    /// <inheritdoc cref="Submit(Experiment, CancellationToken)"/>
    /// <param name="spec">The experiment as JSON, its code a snapshot.</param>
    public Task<Submitted> Submit(JsonElement spec, CancellationToken cancel = default) => Submit(Call.Json(spec), cancel);

    /// <summary>A page of runs, newest first unless another order is asked for.</summary>
    public Task<RunList> ListRuns(RunQuery query, CancellationToken cancel = default) =>
        Get<RunList>("api/runs" + Query([.. Asked(query), ("after", query.After)]), cancel);

    /// <summary>All of them, page by page.</summary>
    /// <param name="query">Its limit is how many a page has.</param>
    public async IAsyncEnumerable<RunSummary> ReadRuns(RunQuery query, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var after = query.After;
        do
        {
            var page = await ListRuns(query with { After = after }, cancel);
            foreach (var run in page.Runs) yield return run;
            after = page.Next;
        }
        while (after is not null);
    }

    /// <summary>An experiment's versions, newest first.</summary>
    public Task<VersionList> GetVersions(string project, string experiment, CancellationToken cancel = default) =>
        Get<VersionList>(Versions(project, experiment), cancel);

    /// <summary>What changed from one version to another.</summary>
    public Task<VersionDiff> DiffVersions(string project, string experiment, int from, int to, CancellationToken cancel = default) =>
        Get<VersionDiff>($"{Versions(project, experiment)}/diff" + Query(("from", Text(from)), ("to", Text(to))), cancel);

    /// <summary>Everything that is true of a run.</summary>
    public Task<RunRecord> GetRun(string id, CancellationToken cancel = default) => Get<RunRecord>(Run(id), cancel);

    /// <summary>Asks a run to end; it may save its work first.</summary>
    public Task<RunRecord> Cancel(string id, CancellationToken cancel = default) =>
        Send<RunRecord>(Call.Post($"{Run(id)}/cancel") with { IsRepeatable = true }, cancel);

    /// <summary>Computes the same anew.</summary>
    public Task<Submitted> Rerun(string id, CancellationToken cancel = default) =>
        Send<Submitted>(Call.Post($"{Run(id)}/rerun") with { IdempotencyKey = options.NewIdempotencyKey() }, cancel);

    /// <summary>Why a run was computed although there were earlier ones.</summary>
    /// <param name="other">Null: the nearest earlier run of the experiment.</param>
    public Task<ReuseExplanation> WhyNotReused(string id, string? other = null, CancellationToken cancel = default) =>
        Get<ReuseExplanation>($"{Run(id)}/why-not-reused" + Query(("other", other)), cancel);

    /// <summary>Replaces a run's tags.</summary>
    public Task<RunRecord> SetTags(string id, List<string> tags, CancellationToken cancel = default) =>
        Send<RunRecord>(Call.Put($"{Run(id)}/tags", Call.Json(tags)), cancel);

    /// <summary>Adds and removes tags of a run, whatever others do with its tags at the same time.</summary>
    public Task<RunRecord> ChangeTags(
        string id, IReadOnlyCollection<string> add, IReadOnlyCollection<string> remove, CancellationToken cancel = default) =>
        Send<RunRecord>(
            Call.Post($"{Run(id)}/tags", Call.Json(new TagChange([.. add], [.. remove]))) with { IsRepeatable = true }, cancel);

    /// <summary>Deletes a run with everything that it left, but not what was published.</summary>
    /// <param name="force">Also when others came from it.</param>
    public Task DeleteRun(string id, bool force = false, CancellationToken cancel = default) => Do(Call.Delete(Run(id) + Forced(force)), cancel);

    /// <summary>Runs side by side.</summary>
    public Task<Comparison> Compare(IEnumerable<string> ids, CancellationToken cancel = default) =>
        Get<Comparison>("api/compare" + Query(("runs", string.Join(',', ids))), cancel);

    /// <summary>Machine classes with their queues, and the workers that are there.</summary>
    public Task<MachineList> GetMachines(CancellationToken cancel = default) => Get<MachineList>("api/machines", cancel);

    /// <summary>Whether the platform is there, and of which version; needs no key.</summary>
    public Task<Health> GetHealth(CancellationToken cancel = default) => Get<Health>("api/health", cancel);

    private static (string Name, string? Value)[] Asked(RunQuery query) =>
    [
        ("project", query.Project), ("experiment", query.Experiment), ("state", query.State is { } state ? EnumNames.Of(state) : null),
        ("tag", query.Tag), ("where", query.Where), ("order", query.Order), ("limit", Text(query.Limit)),
    ];

    private static string Versions(string project, string experiment) =>
        $"api/projects/{Escaped(project)}/experiments/{Escaped(experiment)}/versions";

    private Task<Submitted> Submit(Func<HttpContent> spec, CancellationToken cancel) =>
        Send<Submitted>(Call.Post("api/experiments", spec) with { IdempotencyKey = options.NewIdempotencyKey() }, cancel);

    private static string Run(string id) => $"api/runs/{Escaped(id)}";
}
