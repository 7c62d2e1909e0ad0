namespace Serverless.Client;

/// <param name="Next">Pass as <c>after</c> for the next page; null at the end.</param>
/// <param name="Damaged">Runs whose records cannot be read, whatever was asked for; null: none that was met.</param>
/// <param name="Remarks">What to know about the question, in words: names in it that no run has. Null: nothing.</param>
public sealed record RunList(
    IReadOnlyList<RunSummary> Runs, string? Next, IReadOnlyList<DamagedRecord>? Damaged = null, IReadOnlyList<string>? Remarks = null);
