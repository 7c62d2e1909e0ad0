namespace Serverless.Contract;

/// <summary>
/// A line on standard output that the worker strips from the log and keeps the place of: how a checkpoint knows how far the log had got.
/// The line is <c>U+001E "exp:" id "\n"</c>; U+001E (record separator) does not occur in text that people print.
/// </summary>
internal static class LogMarker
{
    public const string Prefix = "\u001eexp:";

    public static string Line(string id) => Prefix + id + "\n";
}
