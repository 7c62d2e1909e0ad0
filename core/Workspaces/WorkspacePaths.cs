using System.Globalization;

namespace Serverless.Core.Workspaces;

/// <summary>Every name in a workspace. Numbers are zero-padded, so that listing is order. Parsing inverts building.</summary>
public static class WorkspacePaths
{
    /// <summary>The team's own files; everything else is the platform's.</summary>
    public const string Data = "data/";
    public const string Runs = "runs/";
    public const string Active = "active/";
    public const string Projects = "projects/";
    public const string Workers = "workers/";
    public const string Requests = "requests/";
    public const string Reports = "reports/";
    public const string Datasets = "datasets/";
    public const string Contents = "contents/";

    /// <summary>Versions of datasets whose publication may not have been told yet.</summary>
    public const string UntoldDatasets = "untold/datasets/";

    public const string Triggers = "triggers/";
    public const string Firings = "firings/";
    public const string Keys = "keys/";
    public const string Codes = "code/";
    public const string ContentHashes = "index/hashes/";
    public const string TriggerStates = "index/triggers/";

    /// <summary>Runs whose record changes, or has, although nobody works on them any more: the index has yet to look at them.</summary>
    public const string SettledMarks = "index/settled/";

    /// <summary>What the records of runs came to, so that a list need not ask each.</summary>
    public const string RunIndex = "index/runs/";
    public const string RunIndexManifest = $"{RunIndex}manifest.json";
    public const string RunIndexSegments = $"{RunIndex}segments/";

    /// <summary>The folders of everything that a workspace has; no name of anybody's is in their place.</summary>
    public static IReadOnlyList<string> Folders { get; } =
    [
        Data, Runs, Active, Projects, Workers, Requests, Reports, Datasets, Contents, Triggers, Firings, Keys, Codes, PendingFirings, Attempts,
        "untold/", UntoldDatasets, "index/", ContentHashes, TriggerStates, AnnouncedFiles, LineageMarks, SettledMarks, RunIndex,
        RunIndexSegments, "given/", GivenNumbers, GivenVersions, "uploads/", "damaged/",
    ];

    private const string LineageMarks = "index/lineage/";

    /// <summary>What triggers are in the middle of doing: what <see cref="Active"/> is for runs.</summary>
    public const string PendingFirings = "pending/";

    /// <summary>Where something damaged is kept out of the way: under its own name, and a number when there is one already.</summary>
    public static string Damaged(string key, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"damaged/{key}{(number == 1 ? "" : $".{number}")}");

    /// <summary>Of the records whose names are hashes or ids.</summary>
    public static bool IsRecord(string key) => key.EndsWith(".json", StringComparison.Ordinal);

    public static string Code(string zipSha256) => $"{Codes}{zipSha256}.zip";

    /// <summary>Facts about a snapshot, found once when it was put: tree hash, files.</summary>
    public static string CodeFacts(string zipSha256) => $"{Codes}{zipSha256}.json";

    /// <summary>A snapshot, or a content of a dataset, on its way: sent by its author, not looked at yet.</summary>
    public static string Uploaded(string sha256) => $"uploads/{sha256}";

    public static string Version(string project, string experiment, int number) => $"{VersionsOf(project, experiment)}v{number:D6}.json";
    public static string VersionsOf(string project, string experiment) => $"{Projects}{project}/{experiment}/";
    public static string Key(string runKey) => $"{Keys}{runKey}.json";
    public static string DeletedKey(string runKey) => $"{Keys}{runKey}{DeletedSuffix}";
    public const string DeletedSuffix = ".deleted.json";
    public static string Request(string hash) => $"{Requests}{hash}.json";
    public static string Run(string runId) => $"{Runs}{runId}.json";
    public static string ActiveRun(string runId) => $"{Active}{runId}";

    /// <summary>Content hash of a file under data/, remembered per ETag so that a dataset is hashed once.</summary>
    public static string ContentHash(string pathHash) => $"{ContentHashes}{pathHash}.json";

    /// <summary>Which versions of files were announced, in parts that are read one after the other.</summary>
    public const string AnnouncedFiles = "index/announced/";

    /// <summary>As earlier versions of the platform remembered it: without the contents.</summary>
    public const string AnnouncedVersions = "index/files/";
    public static string AnnouncedFilesPart(int number) => $"{AnnouncedFiles}{number:D6}";

    public static string RunIndexSegment(string name) => $"{RunIndexSegments}{name}";

    /// <param name="why">Letters and digits.</param>
    public static string SettledMark(string runId, string why) => $"{SettledMarks}{runId}-{why}";

    /// <summary>Something may have come of <paramref name="from"/>; see <see cref="Lineage.LineageIndex"/>.</summary>

    /// <summary>It has the marks of all records; where it is missing, they are made again.</summary>
    public const string LineageIsWhole = $"{LineageMarks}whole";

    public static string LineageMark(string from, string to) => $"{LineageMarks}{from}/{to}";
    public static string Worker(string workerId) => $"{Workers}{workerId}.json";

    public const string Attempts = "attempts/";
    public static string AttemptsOf(string runId) => $"{Attempts}{runId}/";
    public static string? AttemptedRunOf(string key) => key.Split('/') is ["attempts", var id, _, ..] ? id : null;
    public static string Attempt(string runId, int epoch) => $"{AttemptsOf(runId)}{epoch:D6}/";
    public static string MetricsSegment(string runId, int epoch, int segment) => $"{Attempt(runId, epoch)}metrics/{segment:D6}.expm";
    public static string MachineSegment(string runId, int epoch, int segment) => $"{Attempt(runId, epoch)}machine/{segment:D6}.expm";
    public static string LogSegment(string runId, int epoch, int segment) => $"{Attempt(runId, epoch)}logs/{segment:D6}.log";
    public static string Artifact(string runId, int epoch, string path) => $"{Attempt(runId, epoch)}artifacts/{path}";
    public static string PublishedFile(string runId, int epoch, string path) => $"{Attempt(runId, epoch)}data/{path}";
    public static string OutputManifest(string runId, int epoch) => $"{Attempt(runId, epoch)}outputs.json";

    /// <summary>In order of names after what attempts left, so that a deletion takes it last.</summary>
    public static string Publication(string runId) => $"{AttemptsOf(runId)}publication.json";

    /// <summary>Of the curves of a run that has ended.</summary>
    public static string CurveOverview(string runId) => $"{AttemptsOf(runId)}metrics.expo";

    public static string CheckpointsOf(string runId, int epoch) => $"{Attempt(runId, epoch)}checkpoints/";
    /// <param name="save">1 for the first of that step; code that writes a checkpoint's folder again makes another.</param>
    public static string CheckpointManifest(string runId, int epoch, long step, int save = 1) =>
        $"{CheckpointsOf(runId, epoch)}{step:D12}{Save(save)}.json";
    public static string CheckpointChunk(string runId, int epoch, string sha256) => $"{CheckpointsOf(runId, epoch)}chunks/{sha256}";
    public static string HeldCheckpoints(string runId) => $"{AttemptsOf(runId)}held/";
    public static string HeldCheckpoint(string runId, int epoch, long step, int save = 1) =>
        $"{HeldCheckpoints(runId)}{epoch:D6}-{step:D12}{Save(save)}";
    public static string Report(string reportId, string file) => $"{Reports}{reportId}/{file}";

    /// <summary>Written last: a report exists once it does.</summary>
    public static string ReportInfo(string reportId) => Report(reportId, "report.json");

    public static string DatasetVersion(string name, int number) => $"{DatasetVersionsOf(name)}v{number:D6}.json";
    public static string DatasetVersionsOf(string name) => $"{Datasets}{name}/";
    public static string UntoldDataset(string name, int number) => $"{UntoldDatasets}{name}/{number:D6}";

    /// <summary>A file of datasets, by its content. In 256 folders, as file systems like it.</summary>
    public static string Content(string sha256) => $"{Contents}{sha256[..2]}/{sha256}";

    /// <summary>Numbers of versions that were given to a content, so that a version whose record is lost keeps its own.</summary>
    public static string GivenNumber(string dataset, int number) => $"{GivenNumbersOf(dataset)}{number:D6}";
    public static string GivenNumbersOf(string dataset) => $"{GivenNumbers}{dataset}/";
    public const string GivenNumbers = "given/datasets/";

    /// <summary>The same for versions of experiments.</summary>
    public const string GivenVersions = "given/versions/";
    public static string GivenVersionsOf(string project, string experiment) => $"{GivenVersions}{project}/{experiment}/";
    public static string GivenVersion(string project, string experiment, int number) => $"{GivenVersionsOf(project, experiment)}{number:D6}";

    public static (string Project, string Experiment, int Number)? GivenVersionOf(string key) =>
        key.Split('/') is ["given", "versions", var project, var experiment, var text]
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (project, experiment, number) : null;

    public static (string Name, int Number)? GivenNumberOf(string key) =>
        key.Split('/') is ["given", "datasets", var name, var text]
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (name, number) : null;

    public static string? CodeOf(string key) => Between(key, Codes, ".zip");
    public static string? ContentOf(string key) =>
        key.Split('/') is ["contents", var folder, { Length: 64 } sha256] && sha256.StartsWith(folder, StringComparison.Ordinal) ? sha256 : null;

    public static (string Name, int Number)? DatasetVersionOf(string key) =>
        key.Split('/') is ["datasets", var name, _] && VersionNumberOf(key) is { } number ? (name, number) : null;

    public static (string Name, int Number)? UntoldDatasetOf(string key) =>
        key.Split('/') is ["untold", "datasets", var name, var text]
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (name, number) : null;

    public static string Trigger(string name) => $"{Triggers}{name}.json";
    public static string FiringsOf(string trigger) => $"{Firings}{trigger}/";
    public static string Firing(string trigger, string firingId) => $"{FiringsOf(trigger)}{firingId}.json";
    public static string PendingFiring(string firingId) => $"{PendingFirings}{firingId}.json";

    /// <summary>How often a trigger has submitted lately, and how far its schedule has got.</summary>
    public static string TriggerState(string name) => $"{TriggerStates}{name}.json";

    public static string? TriggerNameOf(string key) => Between(key, Triggers, ".json");
    public static string? PendingFiringIdOf(string key) => Between(key, PendingFirings, ".json");
    public static string? RunIdOf(string key) => Between(key, Runs, ".json");
    public static string? ActiveRunIdOf(string key) => Between(key, Active, "");
    public static (string Run, string Why)? SettledMarkOf(string key) =>
        Between(key, SettledMarks, "") is { } name && name.LastIndexOf('-') is > 0 and var end && end < name.Length - 1
            ? (name[..end], name[(end + 1)..])
            : null;
    public static string? ReportIdOf(string infoKey) => infoKey.Split('/') is ["reports", var id, "report.json"] ? id : null;
    public static int? AnnouncedFilesPartOf(string key) =>
        int.TryParse(Between(key, AnnouncedFiles, ""), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    public static string? WorkerIdOf(string key) => Between(key, Workers, ".json");

    public static (int Epoch, long Step, int Save)? HeldCheckpointOf(string key) =>
        key[(key.LastIndexOf('/') + 1)..].Split('-') is [var left, var middle, ..] parts
            && int.TryParse(left, NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            && long.TryParse(middle, NumberStyles.None, CultureInfo.InvariantCulture, out var step) && SaveIn(parts[2..]) is { } save
            ? (epoch, step, save)
            : null;

    /// <summary>Which save of its step a manifest is; null: the key is none of a manifest.</summary>
    public static int? CheckpointSaveOf(string manifest) =>
        manifest.EndsWith(".json", StringComparison.Ordinal)
            ? SaveIn(manifest[(manifest.LastIndexOf('/') + 1)..^".json".Length].Split('-')[1..])
            : null;

    private static string Save(int save) => save == 1 ? "" : $"-{save:D6}";

    private static int? SaveIn(string[] parts) => parts switch
    {
        [] => 1,
        [var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var save) => save,
        _ => null,
    };

    public static int? VersionNumberOf(string key) =>
        int.TryParse(Between(key, key[..(key.LastIndexOf('/') + 1)] + "v", ".json"), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private static string? Between(string key, string prefix, string suffix) =>
        key.Length > prefix.Length + suffix.Length && key.StartsWith(prefix, StringComparison.Ordinal)
            && key.EndsWith(suffix, StringComparison.Ordinal)
            && key.IndexOf('/', prefix.Length) < 0
            ? key[prefix.Length..^suffix.Length]
            : null;
}

/// <summary>Names in the platform container, which lies outside every workspace.</summary>
public static class PlatformPaths
{
    public const string Keys = "keys/";
    public const string Webhooks = "webhooks/";
    public const string UndeliveredNotices = "undelivered/";

    /// <summary>As <see cref="WorkspacePaths.Folders"/>.</summary>
    public static IReadOnlyList<string> Folders { get; } = [Keys, Webhooks, UndeliveredNotices];

    public static string Key(string keySha256) => $"{Keys}{keySha256}.json";

    /// <summary>Ids of admin keys that were revoked, as long as their keys may still be there.</summary>
    public static string RevokedAdmins(string workspace) => $"revoked-admins/{workspace}.json";
    public static string WebhooksOf(string workspace) => $"{Webhooks}{workspace}/";
    public static string Webhook(string workspace, string name) => $"{WebhooksOf(workspace)}{name}.json";
    public static string? WebhookNameOf(string key) =>
        key.Split('/') is ["webhooks", _, var file] && file.EndsWith(".json", StringComparison.Ordinal) ? file[..^".json".Length] : null;
    public static string UndeliveredOf(string workspace) => $"{UndeliveredNotices}{workspace}/";
    public static string UndeliveredOf(string workspace, string webhook) => $"{UndeliveredOf(workspace)}{webhook}/";
    public static string Undelivered(string workspace, string webhook, string delivery) => $"{UndeliveredOf(workspace, webhook)}{delivery}.json";

    /// <summary>Since when changed files are announced: what lay in a workspace before is not news.</summary>
    public const string FilesAnnouncedSince = "files-announced-since.json";
}
