using System.Text.Json.Serialization;
using Serverless.Core.Messaging;

namespace Serverless.Core.Runs;

/// <summary>A run is in a terminal state.</summary>
public sealed record RunEnded(string Workspace, string Run, RunState State, Cause? Cause) : WorkspaceEvent(Workspace)
{
    public const string Name = "run-ended";

    public override string Type => Name;

    [JsonIgnore]
    protected override string Subject => $"{Run}:ended";

    [JsonIgnore]
    internal override bool IsWhole => Run is not null;
}
