using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace Serverless.Core.Metrics;

/// <summary>
/// CSV as RFC 4180 has it, lines ending in LF. Beside its records it may have comments, lines that begin
/// with '#': a field that does so is quoted, and no record is taken for one.
/// </summary>
public static class Csv
{
    private static readonly SearchValues<char> NeedQuotes = SearchValues.Create(",\"\r\n#");

    /// <summary>A text as a field, in quotes where it has to be.</summary>
    public static string Field(string text) =>
        text.AsSpan().ContainsAny(NeedQuotes) ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;

    public static string Comment(string text) => $"# {text.ReplaceLineEndings(" ")}";

    /// <summary>
    /// Records and comments as they stand, without the LF at their end. A record ends where none of its quotes is open, however many lines it has.
    /// </summary>
    public static async IAsyncEnumerable<string> Records(TextReader text, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var record = new StringBuilder();
        var quoted = false;
        var buffer = new char[1 << 16];
        for (int read; (read = await text.ReadAsync(buffer, cancel)) > 0;)
        {
            for (var at = 0; at < read;)
            {
                var found = buffer.AsSpan(at, read - at).IndexOfAny('\n', '"');
                var end = found < 0 ? read : at + found;
                record.Append(buffer, at, end - at);
                at = end + 1;
                if (found < 0) break;
                var isComment = record.Length > 0 && record[0] == '#';
                if (buffer[end] == '\n' && (isComment || !quoted))
                {
                    yield return record.ToString();
                    record.Clear();
                    quoted = false;
                    continue;
                }

                if (buffer[end] == '"' && !isComment) quoted = !quoted;
                record.Append(buffer[end]);
            }
        }

        if (record.Length > 0) yield return record.ToString();
    }
}
