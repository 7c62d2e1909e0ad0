namespace Serverless.Client;

/// <summary>Texts that a trigger is made of. What their patterns cannot say, the platform knows.</summary>
public static class TriggerForms
{
    public sealed class FilePattern() : TextForm(@"data/[\s\S]*[^/]", "a pattern of paths below data/");

    public sealed class ArtifactPattern() : TextForm(@"[\s\S]*[^/]", "a pattern of paths");

    public sealed class ConditionText() : TextForm(@"[\s\S]+", "a condition");

    public sealed class Cron() : TextForm(@"\s*\S+(\s+\S+){4}\s*|@\S+", "a schedule of five fields");

    public sealed class Zone() : TextForm(@"[\s\S]+", "a time zone, by its IANA name");
}
