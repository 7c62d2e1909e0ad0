using System.Text.Json.Serialization;
using Serverless.Core.Messaging;

namespace Serverless.Core.Datasets;

/// <summary>A dataset has a new version.</summary>
/// <param name="Version">Its number: 1, 2, 3…</param>
/// <param name="Sha256">What it is: the hash of its paths and contents.</param>
public sealed record DatasetPublished(string Workspace, string Dataset, int Version, string Sha256) : WorkspaceEvent(Workspace)
{
    public const string Name = "dataset-published";

    public override string Type => Name;

    [JsonIgnore]
    protected override string Subject => $"{Dataset}:{Version}:published";

    [JsonIgnore]
    internal override bool IsWhole => Dataset is not null && Sha256 is not null;
}
