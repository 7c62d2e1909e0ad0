using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Api;
using Serverless.Core.Datasets;
using Serverless.Core.Doctor;
using Serverless.Core.Lineage;
using Serverless.Core.Messaging;
using Serverless.Core.Metrics;
using Serverless.Core.Notifications;
using Serverless.Core.Outputs;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Triggers;
using Serverless.Core.Versions;
using Serverless.Core.Workers;
using Serverless.Core.Workspaces;

namespace Serverless.Cli.Client;

/// <summary>The answers' types, generated at compile time: reflection over them would be a quarter of the time that <c>exp list</c> takes.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Submitted))]
[JsonSerializable(typeof(RunList))]
[JsonSerializable(typeof(RunRecord))]
[JsonSerializable(typeof(List<RunRecord>))]
[JsonSerializable(typeof(RunMetrics))]
[JsonSerializable(typeof(CheckpointList))]
[JsonSerializable(typeof(CheckpointManifest))]
[JsonSerializable(typeof(ArtifactList))]
[JsonSerializable(typeof(Comparison))]
[JsonSerializable(typeof(ReuseExplanation))]
[JsonSerializable(typeof(DatasetList))]
[JsonSerializable(typeof(DatasetInfo))]
[JsonSerializable(typeof(DatasetVersion))]
[JsonSerializable(typeof(DatasetRequest))]
[JsonSerializable(typeof(DatasetPublication))]
[JsonSerializable(typeof(DatasetDiff))]
[JsonSerializable(typeof(LineageGraph))]
[JsonSerializable(typeof(LineageRebuilt))]
[JsonSerializable(typeof(ReportRequest))]
[JsonSerializable(typeof(ReportInfo))]
[JsonSerializable(typeof(VersionList))]
[JsonSerializable(typeof(FileList))]
[JsonSerializable(typeof(WorkspaceFile))]
[JsonSerializable(typeof(CodeStored))]
[JsonSerializable(typeof(UploadPlace))]
[JsonSerializable(typeof(FilePieces))]
[JsonSerializable(typeof(MachineList))]
[JsonSerializable(typeof(DeadLetterList))]
[JsonSerializable(typeof(DeadLetterInfo))]
[JsonSerializable(typeof(List<DeadLetterInfo>))]
[JsonSerializable(typeof(DoctorLine))]
[JsonSerializable(typeof(DoctorMove))]
[JsonSerializable(typeof(DoctorMoved))]
[JsonSerializable(typeof(Examination))]
[JsonSerializable(typeof(TriggerList))]
[JsonSerializable(typeof(TriggerRecord))]
[JsonSerializable(typeof(TriggerDefinition))]
[JsonSerializable(typeof(ShownTrigger))]
[JsonSerializable(typeof(TriggerTrial))]
[JsonSerializable(typeof(FiringList))]
[JsonSerializable(typeof(Replayed))]
[JsonSerializable(typeof(ApiKeyInfo))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(NewKeyBody))]
[JsonSerializable(typeof(WebhookSpec))]
[JsonSerializable(typeof(WebhookInfo))]
[JsonSerializable(typeof(WebhookList))]
[JsonSerializable(typeof(WebhookTest))]
[JsonSerializable(typeof(UndeliveredList))]
[JsonSerializable(typeof(LoginWays))]
[JsonSerializable(typeof(Health))]
[JsonSerializable(typeof(ProblemDetails))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
[JsonSerializable(typeof(List<string>))]
sealed partial class ApiJsonContext : JsonSerializerContext;

static class ApiJson
{
    /// <summary>The dialect of <see cref="CoreJson"/>. An answer that lacks what its type promises is not the platform's.</summary>
    public static JsonSerializerOptions Options { get; } = new(CoreJson.Options)
    {
        RespectNullableAnnotations = true, TypeInfoResolver = ApiJsonContext.Default.WithAddedModifier(RecordFormat.RequireWhatIsPromised),
    };

    /// <summary>For what a server says: an answer that lacks what its type promises is none of the platform's.</summary>
    public static JsonSerializerOptions Answers { get; } = new(CoreJson.Options)
    {
        RespectNullableAnnotations = true,
        TypeInfoResolver = ApiJsonContext.Default.WithAddedModifier(RecordFormat.RequireWhatIsPromised),
    };

    public static JsonSerializerOptions Indented { get; } = new(Options) { WriteIndented = true };
}
