namespace Serverless.Client;

/// <summary>202 of <c>POST /api/experiments</c>.</summary>
public sealed record Submitted(string Project, string Experiment, int Version, IReadOnlyList<SubmittedRun> Runs);

/// <param name="Reused">The run existed: finished (nothing is computed) or still going (joined).</param>
public sealed record SubmittedRun(string Id, RunState State, bool Reused);
