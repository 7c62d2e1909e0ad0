namespace Serverless.Cli.Terminal;

/// <summary>Words of command lines that people copy from what exp prints.</summary>
static class Shell
{
    private const string Plain = "_./~:@%+=,-";

    public static string Quoted(string word) =>
        word.Length > 0 && word.All(c => char.IsLetterOrDigit(c) || Plain.Contains(c, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
