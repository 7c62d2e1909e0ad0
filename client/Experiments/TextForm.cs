using System.Text;
using System.Text.RegularExpressions;

namespace Serverless.Client;

/// <summary>What a text that people write must be, for one kind of text.</summary>
/// <param name="pattern">Of the whole text, as both .NET and JSON schemas read regular expressions. It may take too much, never too little.</param>
/// <param name="wanted">What is wanted, for messages: <c>a name: a–z, …</c></param>
public abstract class TextForm(string pattern, string wanted)
{
    private readonly Regex regex = new($@"\A(?:{pattern})\z", RegexOptions.CultureInvariant);

    /// <summary>For a JSON schema.</summary>
    public string Pattern => $"^(?:{pattern})$";

    public string Wanted => wanted;

    /// <summary>At most, in UTF-8; default: whatever the pattern takes.</summary>
    public virtual int MostBytes => int.MaxValue;

    /// <summary>Whether a whole number may be written without quotes.</summary>
    public virtual bool TakesNumbers => false;

    /// <summary>What is wrong with a text that fits the pattern; null when nothing is.</summary>
    protected virtual string? Further(string text) => null;

    /// <summary>What is wrong, and what to change; null when nothing is.</summary>
    /// <param name="further">What else is wrong with a text, known elsewhere; null: nothing is.</param>
    public string? Problem(string text, Func<string, string?>? further = null) =>
        text.Contains('\0', StringComparison.Ordinal) ? "has a NUL character"
        : Encoding.UTF8.GetByteCount(text) > MostBytes ? $"is longer than {MostBytes / 1024} KiB; put it into a file"
        : Further(text) ?? further?.Invoke(text) ?? (regex.IsMatch(text) ? null
            : string.IsNullOrWhiteSpace(text) ? $"is empty; wanted {wanted}" : $"'{text}' is not {wanted}");
}
