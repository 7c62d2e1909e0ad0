using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Serverless.Core.Api;
using Serverless.Core.Metrics;
using Serverless.Core.Outputs;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workers;

namespace Serverless.Cli.Client;

/// <summary>Which runs, newest first.</summary>
sealed record RunQuery
{
    public string? Project { get; init; }
    public string? Experiment { get; init; }
    public string? State { get; init; }
    public string? Tag { get; init; }
    public int? Limit { get; init; }

    /// <summary><see cref="RunList.Next"/> of the page before.</summary>
    public string? After { get; init; }
}

sealed partial class ApiClient
{
    /// <param name="spec">The experiment as JSON, its code a snapshot.</param>
    public Task<Submitted> Submit(JsonElement spec, CancellationToken cancel) => Send<Submitted>(HttpMethod.Post, "api/experiments", Json(spec), cancel);

    public Task<RunList> ListRuns(RunQuery filter, CancellationToken cancel) => Get<RunList>("api/runs" + Query(
        ("project", filter.Project), ("experiment", filter.Experiment), ("state", filter.State), ("tag", filter.Tag), ("limit", Text(filter.Limit)), ("after", filter.After)), cancel);

    public Task<RunRecord> GetRun(string id, CancellationToken cancel) => Get<RunRecord>($"api/runs/{Escaped(id)}", cancel);

    public Task<RunRecord> Cancel(string id, CancellationToken cancel) => Send<RunRecord>(HttpMethod.Post, $"api/runs/{Escaped(id)}/cancel", null, cancel);

    public Task<Submitted> Rerun(string id, CancellationToken cancel) => Send<Submitted>(HttpMethod.Post, $"api/runs/{Escaped(id)}/rerun", null, cancel);

    /// <param name="other">Null: the nearest earlier run of the experiment.</param>
    public Task<ReuseExplanation> WhyNotReused(string id, string? other, CancellationToken cancel) =>
        Get<ReuseExplanation>($"api/runs/{Escaped(id)}/why-not-reused" + Query(("other", other)), cancel);

    public Task<RunRecord> SetTags(string id, List<string> tags, CancellationToken cancel) => Send<RunRecord>(HttpMethod.Put, $"api/runs/{Escaped(id)}/tags", Json(tags), cancel);

    /// <param name="force">Also when others came from it.</param>
    public async Task DeleteRun(string id, bool force, CancellationToken cancel) =>
        (await Send(HttpMethod.Delete, $"api/runs/{Escaped(id)}" + Forced(force), null, cancel)).Dispose();

    /// <param name="maxPoints">Of a series; longer ones are thinned.</param>
    public Task<RunMetrics> GetMetrics(string id, IReadOnlyCollection<string> names, int maxPoints, CancellationToken cancel) =>
        Get<RunMetrics>($"api/runs/{Escaped(id)}/metrics" + Query(("names", names.Count > 0 ? string.Join(',', names) : null), ("maxPoints", Text(maxPoints))), cancel);

    /// <summary>Every point as CSV, however many; what could not be read is said at its end, in lines that begin with '#'.</summary>
    public async Task<Stream> OpenMetricsCsv(string id, IReadOnlyCollection<string> names, CancellationToken cancel) =>
        await (await Send(HttpMethod.Get, $"api/runs/{Escaped(id)}/metrics" + Query(("format", "csv"), ("names", names.Count > 0 ? string.Join(',', names) : null)), null, cancel))
            .Content.ReadAsStreamAsync(cancel);

    /// <summary>The log as it is now.</summary>
    /// <param name="tail">Only so many lines of its end; null: the whole.</param>
    /// <returns>Its text, where that ends in the log, and what of it is missing, in words.</returns>
    public async Task<(Stream Text, long End, string? Problems)> OpenLogs(string id, int? tail, CancellationToken cancel)
    {
        var query = Query(("tail", tail is { } lines ? Text(lines) : null));
        var response = await Send(HttpMethod.Get, $"api/runs/{Escaped(id)}/logs" + query, null, cancel);
        var end = long.Parse(response.Headers.GetValues("Log-Next-Offset").Single(), CultureInfo.InvariantCulture);
        var missing = response.Headers.TryGetValues("Log-Problems", out var problems) ? string.Join("; ", problems) : null;
        return (await response.Content.ReadAsStreamAsync(cancel), end, missing);
    }

    /// <summary>
    /// The log as it grows, until the run has ended: events <c>log</c> {text}, <c>rewind</c> {offset} when a new attempt goes on from an earlier place, <c>problem</c> {text} when
    /// something is missing, <c>end</c>. Each has an id to go on after when the connection breaks. <c>revoked</c> {text} ends it when the key was.
    /// </summary>
    /// <param name="after">Id of the last event that was seen; null: begin at <paramref name="offset"/>.</param>
    public async IAsyncEnumerable<SseItem<string>> FollowLogs(string id, string? after, long offset, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"api/runs/{Escaped(id)}/logs" + Query(("follow", "true"), ("offset", offset == 0 ? null : Text(offset))));
        request.Headers.Accept.Add(new("text/event-stream"));
        if (after is not null) request.Headers.Add("Last-Event-ID", after);
        using var response = await Send(request, cancel);
        await using var body = await response.Content.ReadAsStreamAsync(cancel);
        await foreach (var happened in SseParser.Create(body).EnumerateAsync(cancel)) yield return happened;
    }

    public Task<ArtifactList> GetArtifacts(string id, CancellationToken cancel) => Get<ArtifactList>($"api/runs/{Escaped(id)}/artifacts", cancel);

    public Task<Stream> OpenArtifact(string id, string path, long lengthBytes, CancellationToken cancel) =>
        OpenLarge($"api/runs/{Escaped(id)}/artifacts/{EscapedPath(path)}", lengthBytes, cancel);

    public Task<CheckpointList> GetCheckpoints(string id, CancellationToken cancel) => Get<CheckpointList>($"api/runs/{Escaped(id)}/checkpoints", cancel);

    public Task<CheckpointManifest> GetCheckpoint(string id, long step, CancellationToken cancel) => Get<CheckpointManifest>($"api/runs/{Escaped(id)}/checkpoints/{step}", cancel);

    public async Task<Stream> OpenCheckpointFile(string id, long step, string path, long lengthBytes, CancellationToken cancel)
    {
        var file = $"api/runs/{Escaped(id)}/checkpoints/{step}/{EscapedPath(path)}";
        if (lengthBytes >= LargeBytes && await Get<FilePieces>($"{file}?pieces=true", cancel) is { Pieces: { Count: > 0 } pieces })
        {
            return new JoinedStream([.. pieces.Select(piece => (Func<CancellationToken, Task<Stream>>)(stop => OpenElsewhere(new(piece.Url), stop)))]);
        }

        return await (await Send(HttpMethod.Get, file, null, cancel)).Content.ReadAsStreamAsync(cancel);
    }

    // Not of this platform, so without its key.
    private async Task<Stream> OpenElsewhere(Uri address, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        return await (await Send(elsewhere.Value, request, cancel)).Content.ReadAsStreamAsync(cancel);
    }

    public Task<Comparison> Compare(IEnumerable<string> ids, CancellationToken cancel) => Get<Comparison>("api/compare" + Query(("runs", string.Join(',', ids))), cancel);

    public Task<MachineList> GetMachines(CancellationToken cancel) => Get<MachineList>("api/machines", cancel);

    public Task<Health> GetHealth(CancellationToken cancel) => Get<Health>("api/health", cancel);

    private static string Forced(bool force) => Query(("force", force ? "true" : null));

    private static string? Text(long? number) => number?.ToString(CultureInfo.InvariantCulture);
}
