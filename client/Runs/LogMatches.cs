namespace Serverless.Client;

/// <summary><c>GET /api/runs/{id}/logs/search</c>: lines of a run's log that have a text.</summary>
/// <param name="Next">The offset to go on at, when there may be more; null: the log was searched to its end.</param>
/// <param name="Problems">What of the log is missing, in words.</param>
public sealed record LogMatches(string Run, IReadOnlyList<LogMatch> Matches, long? Next, IReadOnlyList<string> Problems);

/// <param name="Line">Its number, counted from 1 where the search began.</param>
/// <param name="Offset">Where it begins, in bytes: <c>logs?offset=</c> reads on from there.</param>
/// <param name="Text">The line, or the part of a long one around the text.</param>
public sealed record LogMatch(long Line, long Offset, string Text);
