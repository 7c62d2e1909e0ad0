namespace Serverless.Client;

/// <summary>The beginning of a text that somebody else wrote, for messages about it.</summary>
public static class Excerpt
{
    /// <summary>Enough to recognize it by.</summary>
    public const int Short = 100;

    /// <param name="most">Characters, without the '…' that says that there is more.</param>
    public static string Of(string text, int most = Short)
    {
        if (text.Length <= most) return text;

        // Half of a character would be no text.
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[most - 1]) ? most - 1 : most), "…");
    }
}
