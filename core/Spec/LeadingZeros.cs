using System.Text.RegularExpressions;

namespace Serverless.Core.Spec;

/// <summary>
/// <c>007</c>, <c>-012</c>, <c>01.5</c>: a number to some readers, text or an octal number to others, and with its zeros gone an identifier is
/// another one. Wherever values are written without quotation marks, it has to be said which is meant.
/// </summary>
public static partial class LeadingZeros
{
    /// <summary>The number that it may mean, without the zeros; null: the text is nothing of the kind.</summary>
    public static string? Without(string text) =>
        Pattern().Match(text) is { Success: true } match ? match.Groups["sign"].Value.TrimStart('+') + match.Groups["rest"].Value : null;

    [GeneratedRegex(@"\A(?<sign>[-+]?)0+(?<rest>[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
