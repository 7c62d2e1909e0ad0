using Serverless.Core.Search;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>What is wrong with texts of a trigger, beyond what <see cref="TriggerForms"/> can say by a pattern.</summary>
internal static class TriggerTexts
{
    public static IReadOnlyDictionary<Type, Func<string, string?>> Rules { get; } = new Dictionary<Type, Func<string, string?>>
    {
        [typeof(TriggerForms.FilePattern)] = text =>
            text.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal) && text.Length > WorkspacePaths.Data.Length
            ? TriggerRules.GlobProblem(text)
            : $"'{text}' is not below data/; write data/digits/*.csv, or data/** for every file",
        [typeof(TriggerForms.ArtifactPattern)] = TriggerRules.GlobProblem,
        [typeof(TriggerForms.ConditionText)] = text => ConditionParser.Parse(text).Problem,
        [typeof(TriggerForms.Cron)] = Instants.CronProblem,
        [typeof(TriggerForms.Zone)] = Instants.ZoneProblem,
    };
}
