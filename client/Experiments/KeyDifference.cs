namespace Serverless.Client;

/// <summary>One part of the run key in which two runs differ.</summary>
/// <param name="Part">A field of the spec, or <c>datasets</c> (inputs that are versions of datasets).</param>
/// <param name="Name">Which one: a parameter, a variable, a file's path; null where there is only one.</param>
/// <param name="From">In the earlier run, files as the beginning of their hash; null: it was not there.</param>
/// <param name="To">In the later run; null: it is no longer there.</param>
public sealed record KeyDifference(string Part, string? Name, string? From, string? To)
{
    public override string ToString() => $"{Part}{(Name is null ? "" : $" {Name}")}: {From ?? "not there"} → {To ?? "not there"}";
}
