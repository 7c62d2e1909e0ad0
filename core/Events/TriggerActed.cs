using System.Text.Json.Serialization;
using Serverless.Core.Messaging;

namespace Serverless.Core.Events;

/// <summary>A trigger did what it does about one cause: it submitted, was stopped by one of its guards, or failed.</summary>
/// <param name="Firing">Identifies the pair of trigger and cause.</param>
public sealed record TriggerActed(string Workspace, string Trigger, string Firing) : WorkspaceEvent(Workspace)
{
    public const string Name = "trigger-acted";

    public override string Type => Name;

    [JsonIgnore]
    protected override string Subject => $"{Trigger}:{Firing}";

    [JsonIgnore]
    internal override bool IsWhole => Trigger is not null && Firing is not null;
}
