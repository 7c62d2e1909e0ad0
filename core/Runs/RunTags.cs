namespace Serverless.Core.Runs;

/// <summary>The rules for tags: at most <see cref="Most"/>, each 1–<see cref="Longest"/> characters without spaces and commas, none twice.</summary>
public static class RunTags
{
    public const int Most = 32;
    public const int Longest = 64;

    /// <summary>What is wrong with them, or null.</summary>
    public static string? Problem(IReadOnlyList<string> tags)
    {
        if (tags.Count > Most) return $"{tags.Count} tags; at most {Most} are allowed";
        foreach (var tag in tags)
        {
            if (tag is not { Length: > 0 and <= Longest }) return $"a tag has 1 to {Longest} characters";
            if (tag.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c == ','))
            {
                return $"the tag '{tag}' has a space, a comma or a control character";
            }
        }

        return tags.Distinct(StringComparer.Ordinal).Count() == tags.Count ? null : "a tag is there twice";
    }
}
