using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

sealed class TriggerRecordRule : IRecordRule<TriggerRecord>
{
    public string? Problem(TriggerRecord trigger, string key) =>
        key == WorkspacePaths.Trigger(trigger.Name) ? LiveTrigger.Problem(trigger) : $"it is of trigger {trigger.Name}";
}
