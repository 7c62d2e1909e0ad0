using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Api;

// The JSON that the HTTP API answers with, shared by functions/, cli/ and dashboard/. RunRecord, RunSummary and OutputFile are answered as they are.

/// <summary>202 of <c>POST /api/experiments</c>.</summary>
public sealed record Submitted(string Project, string Experiment, int Version, IReadOnlyList<SubmittedRun> Runs);

/// <param name="Reused">The run existed: finished (nothing is computed) or still going (joined).</param>
public sealed record SubmittedRun(string Id, RunState State, bool Reused);

/// <param name="Next">Pass as <c>after</c> for the next page; null at the end.</param>
/// <param name="Damaged">Runs whose records cannot be read, whatever was asked for; null: none that was met.</param>
public sealed record RunList(IReadOnlyList<RunSummary> Runs, string? Next, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <summary><c>GET /api/runs/{id}/metrics</c>.</summary>
public sealed record RunMetrics(string Run, IReadOnlyList<MetricSeries> Series)
{
    /// <summary>Points that a series has here at most: fewer than asked for when there would be too many together.</summary>
    public int MaxPoints { get; init; }

    /// <summary>Metrics, at least so many, that this answer has no room for; ask for them by name.</summary>
    public int SeriesLeftOut { get; init; }

    /// <summary>What could not be read, in words: segments that are missing, cut short or damaged. The series have the rest.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}

/// <param name="Points">In order of logging; thinned to <c>maxPoints</c> by keeping minimum and maximum of equal stretches, first and last always.</param>
/// <param name="Total">Points before thinning.</param>
public sealed record MetricSeries(string Name, long Total, IReadOnlyList<MetricValue> Points);

/// <param name="At">When it was logged.</param>
[method: JsonConstructor]
public readonly record struct MetricValue(long Step, double Value, DateTimeOffset At);

public sealed record CheckpointList(string Run, IReadOnlyList<CheckpointRef> Checkpoints, string? Head);

/// <param name="Live">The run goes on: what its attempt has uploaded so far, hashes not yet known.</param>
public sealed record ArtifactList(string Run, IReadOnlyList<OutputFile> Artifacts, bool Live = false);

/// <summary><c>GET /api/compare</c>: runs side by side.</summary>
/// <param name="Params">Parameter → value per run, null where a run has none; those that differ come first.</param>
/// <param name="Metrics">Metric → last value per run; those that some run's spec names come first, then those that differ.</param>
/// <param name="ParamsLeftOut">Rows that there is no room for.</param>
/// <param name="MetricsLeftOut">The same, at least.</param>
/// <param name="FactsLeftOut">The same.</param>
public sealed record Comparison(
    IReadOnlyList<RunSummary> Runs, IReadOnlyList<ComparedRow<JsonElement?>> Params, IReadOnlyList<ComparedRow<double?>> Metrics, IReadOnlyList<ComparedRow<string?>> Facts,
    int ParamsLeftOut = 0, int MetricsLeftOut = 0, int FactsLeftOut = 0);

public sealed record ComparedRow<T>(string Name, bool Differs, IReadOnlyList<T> Values);

public sealed record VersionInfo(int Number, string Hash, string Tree, string? Commit, DateTimeOffset Created, string? By);

public sealed record FileList(IReadOnlyList<WorkspaceFile> Files, string? Next);

public sealed record WorkspaceFile(string Path, long LengthBytes, DateTimeOffset Modified, string ETag);

/// <summary>The pieces of a large file, in order, each at an address that needs no key.</summary>
/// <param name="Pieces">None: the store does not give them itself, so fetch the file as a whole.</param>
public sealed record FilePieces(IReadOnlyList<FilePiece> Pieces);

public sealed record FilePiece(string Url, long LengthBytes);

/// <summary>Where to send a large body.</summary>
/// <param name="Url">Absolute where the store takes it itself; else a path of this API, which wants the key as always.</param>
/// <param name="Headers">To send along as they are.</param>
/// <param name="Direct">The store takes it itself: no key, and whoever has the address can write.</param>
/// <param name="Expires">When the address stops working.</param>
public sealed record UploadPlace(string Method, string Url, IReadOnlyDictionary<string, string> Headers, bool Direct, DateTimeOffset? Expires);

/// <summary>Answer of <c>PUT /api/code/{sha256}</c>.</summary>
public sealed record CodeStored(string Sha256, string Tree, int Files, long LengthBytes);

public sealed record MachineList(IReadOnlyList<MachineClassInfo> Classes, IReadOnlyList<WorkerInfo> Workers, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <param name="Waiting">Queued runs of the workspace.</param>
public sealed record MachineClassInfo(string Name, long Waiting, int Workers);

/// <summary>What a worker says of itself in <c>workers/{id}.json</c>, rewritten at every heartbeat.</summary>
/// <param name="Run">What it is working on.</param>
/// <param name="Seen">Store time of its last word; filled in by readers.</param>
public sealed record WorkerInfo(
    string Id, string Machine, string Host, int ProcessId, int Cores, long MemoryBytes, string Device, string? Run, TimeSpan Heartbeat, DateTimeOffset Started, DateTimeOffset? Seen = null);

/// <summary><c>GET /api/dead-letters</c>.</summary>
public sealed record DeadLetterList(IReadOnlyList<DeadLetterInfo> Letters);

/// <param name="Run">The run that it is about, when it can be understood.</param>
public sealed record DeadLetterInfo(string Queue, string Id, string Reason, DateTimeOffset At, int Deliveries, string? Run, string Body);

/// <param name="Key">The secret itself, only in the answer that creates it.</param>
public sealed record ApiKeyInfo(string Id, string Name, Access.Role Role, string Workspace, DateTimeOffset Created, string? Key = null) : IRecord
{
    string? IRecord.Problem(string key) => Id.Length == 0 ? "it has no id" : WorkspaceName.Problem(Workspace) is null ? null : "it names no workspace";
}

/// <summary><c>GET /api/login</c>; needs no key: how one comes in, besides with one.</summary>
/// <param name="Entra">Null: with a key only.</param>
public sealed record LoginWays(EntraLogin? Entra);

/// <summary>A token of this directory for this application is as good as a key, for the people whom an admin let in.</summary>
public sealed record EntraLogin(Guid Tenant, Guid ClientId);

/// <summary><c>GET /api/health</c>; needs no key.</summary>
public sealed record Health(string Status, string Version);

/// <summary>RFC 9457. <paramref name="Problems"/> lists everything that is wrong with a request, each with its path.</summary>
public sealed record ProblemDetails(string Title, int Status, string? Detail = null, IReadOnlyList<Submit.Problem>? Problems = null, string? Type = null);

/// <summary>Body of <c>POST /api/reports</c>.</summary>
/// <param name="Title">At most 200 characters; null: named after the runs' experiments.</param>
/// <param name="Runs">Ids, 1–100, in the order in which the report shows them.</param>
public sealed record ReportRequest(IReadOnlyList<string>? Runs, string? Title = null);

/// <summary>201 of <c>POST /api/reports</c>; also <c>reports/{id}/report.json</c>.</summary>
/// <param name="Files">Names in the report's folder: <c>report.html</c>, <c>report.md</c> and the plots that the latter shows.</param>
public sealed record ReportInfo(string Id, string Title, DateTimeOffset Created, IReadOnlyList<string> Runs, IReadOnlyList<string> Files) : IRecord
{
    string? IRecord.Problem(string key) => key == WorkspacePaths.ReportInfo(Id) ? null : $"it is of report {Id}";
}

/// <summary><c>GET /api/reports</c>, newest first.</summary>
public sealed record ReportList(IReadOnlyList<ReportSummary> Reports, string? Next, IReadOnlyList<DamagedRecord>? Damaged = null);

public sealed record ReportSummary(string Id, string Title, DateTimeOffset Created);

/// <summary>A webhook as it is shown.</summary>
/// <param name="Url">Only admins see more than the host: whoever knows a chat tool's address may write there.</param>
/// <param name="Secret">Only in the answer that creates it.</param>
/// <param name="Paused">Why nothing is sent; null: it is.</param>
public sealed record WebhookInfo(
    string Name, string Url, IReadOnlyList<string> Events, string? Project, string? Experiment, Notifications.WebhookFormat Format, string By, DateTimeOffset Created, string? Paused, string? Secret = null);

/// <summary>Answer of <c>POST /api/webhooks/{name}/test</c>.</summary>
/// <param name="Status">What the receiver answered; null: it did not.</param>
/// <param name="Problem">Null: it took the notice.</param>
public sealed record WebhookTest(int? Status, double Milliseconds, string? Problem);

/// <summary><c>GET /api/triggers</c>, by name.</summary>
public sealed record TriggerList(IReadOnlyList<TriggerSummary> Triggers, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <param name="When">What it waits for, in a few words.</param>
/// <param name="Then">The experiment that it submits, <c>project/name</c>.</param>
/// <param name="LastHour">Submissions within the last hour.</param>
public sealed record TriggerSummary(string Name, string When, string Then, bool Paused, string? By, DateTimeOffset Since, int LastHour);

/// <summary><c>GET /api/triggers/{name}/firings</c>, newest first.</summary>
public sealed record FiringList(IReadOnlyList<Triggers.FiringSummary> Firings, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <summary><c>POST /api/triggers/{name}/replay</c>.</summary>
/// <param name="Problem">Why not everything that was asked for could be done.</param>
public sealed record Replayed(IReadOnlyList<Triggers.FiringSummary> Firings, string? Problem);
