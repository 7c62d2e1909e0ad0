using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>Texts that a trigger is made of.</summary>
public static class TriggerForms
{
    public sealed class FilePattern() : TextForm(@"data/[\s\S]*[^/]", "a pattern of paths below data/")
    {
        protected override string? Further(string text) => text.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal)
            && text.Length > WorkspacePaths.Data.Length
            ? TriggerRules.GlobProblem(text)
            : $"'{text}' is not below data/; write data/digits/*.csv, or data/** for every file";
    }

    public sealed class ArtifactPattern() : TextForm(@"[\s\S]*[^/]", "a pattern of paths")
    {
        protected override string? Further(string text) => TriggerRules.GlobProblem(text);
    }

    public sealed class ConditionText() : TextForm(@"[\s\S]+", "a condition")
    {
        protected override string? Further(string text) => ConditionParser.Parse(text).Problem;
    }

    public sealed class Cron() : TextForm(@"\s*\S+(\s+\S+){4}\s*|@\S+", "a schedule of five fields")
    {
        protected override string? Further(string text) => Instants.CronProblem(text);
    }

    public sealed class Zone() : TextForm(@"[\s\S]+", "a time zone, by its IANA name")
    {
        protected override string? Further(string text) => Instants.ZoneProblem(text);
    }
}
