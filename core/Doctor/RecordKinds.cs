using Serverless.Core.Access;
using Serverless.Core.Code;
using Serverless.Core.Datasets;
using Serverless.Core.Notifications;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Triggers;
using Serverless.Core.Versions;
using Serverless.Core.Workers;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Doctor;

/// <summary>A kind of record, for those who look at all of them.</summary>
/// <param name="Prefix">Where they are.</param>
/// <param name="IsOne">Whether a key below the prefix is one's.</param>
/// <param name="Damage">Reads one; null: it is as it should be, or gone.</param>
/// <param name="Loss">What is lost while it is damaged, and how it is had again.</param>
internal sealed record RecordKind(
    string Prefix, Func<string, bool> IsOne, Func<IObjectStore, string, CancellationToken, Task<DamagedRecord?>> Damage, string Loss)
{
    private const string Restore = "put it back from a backup";

    public static IReadOnlyList<RecordKind> OfWorkspaces { get; } =
    [
        Of<RunRecord>(
            WorkspacePaths.Runs, key => WorkspacePaths.RunIdOf(key) is not null, $"{Restore}, or move it away and submit the experiment again"),
        Of<DatasetVersion>(
            WorkspacePaths.Datasets, key => WorkspacePaths.DatasetVersionOf(key) is not null, $"{Restore}; its number stays taken while it is there"),
        Of<ExperimentVersion>(
            WorkspacePaths.Projects, key => WorkspacePaths.VersionNumberOf(key) is not null, $"{Restore}; its number stays taken while it is there"),
        Of<TriggerRecord>(WorkspacePaths.Triggers, key => WorkspacePaths.TriggerNameOf(key) is not null, "move it away and add the trigger again"),
        Of<Firing>(WorkspacePaths.Firings, IsJson, $"{Restore}; moved away, its cause may be acted on once more"),
        Of<PendingFiring>(WorkspacePaths.PendingFirings, key => WorkspacePaths.PendingFiringIdOf(key) is not null,
            "move it away; what it was about is done when its event comes again"),
        Of<ReportInfo>(WorkspacePaths.Reports, key => WorkspacePaths.ReportIdOf(key) is not null, "move it away and make the report again"),
        Of<WorkerInfo>(
            WorkspacePaths.Workers, key => WorkspacePaths.WorkerIdOf(key) is not null, "move it away; a worker that lives writes it again"),
        Of<RequestRecord>(WorkspacePaths.Requests, IsJson, "move it away; its idempotency key is free then"),
        Of<KeyRecord>(WorkspacePaths.Keys, key => IsJson(key) && !key.EndsWith(WorkspacePaths.DeletedSuffix, StringComparison.Ordinal),
            "move it away; its experiment is computed anew when it is submitted again"),
        Of<DeletedKey>(WorkspacePaths.Keys, key => key.EndsWith(WorkspacePaths.DeletedSuffix, StringComparison.Ordinal),
            "move it away; only why-not-reused says less"),
        Of<CodeFacts>(WorkspacePaths.Codes, IsJson, "move it away; it is made again from its snapshot"),
        Of<TriggerState>(WorkspacePaths.TriggerStates, IsJson, "move it away; only the count of the last hour is lost"),
        Of<HashedFile>(WorkspacePaths.ContentHashes, IsJson, "move it away; the file is hashed again"),
    ];

    public static RecordKind ApiKeys { get; } = Of<ApiKeyInfo>(PlatformPaths.Keys, IsJson, "it opens nothing; move it away and make a new key");

    public static IReadOnlyList<RecordKind> OfPlatform(string workspace) =>
    [
        Of<Webhook>(PlatformPaths.WebhooksOf(workspace), IsJson, "move it away and add the webhook again"),
        Of<Undelivered>(PlatformPaths.UndeliveredOf(workspace), IsJson, "move it away; the notice is lost"),
        ApiKeys,
    ];

    private static RecordKind Of<T>(string prefix, Func<string, bool> isOne, string loss) =>
        new(prefix, isOne, async (store, key, cancel) => (await store.Read<T>(key, cancel)).Damage, loss);

    private static bool IsJson(string key) => key.EndsWith(".json", StringComparison.Ordinal);
}
