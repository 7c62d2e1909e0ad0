using System.Text.Json;

namespace Serverless.Client;

/// <summary>What lists show of a run.</summary>
/// <param name="Metrics">Last values of the most telling ones, those first that say most.</param>
/// <param name="MetricsLeftOut">How many more the run has, at least.</param>
/// <param name="ParamsLeftOut">How many more the run has.</param>
/// <param name="Checks">Null: none were to be checked, or it has not ended.</param>
public sealed record RunSummary(
    string Id, string Project, string Experiment, int Version, RunState State, Cause? Cause, DateTimeOffset Created, DateTimeOffset? Started,
    DateTimeOffset? Ended,
    string Machine, int Epoch, long? Step, string? By, IReadOnlyList<string> Tags, IReadOnlyDictionary<string, double> Metrics,
    IReadOnlyDictionary<string, JsonElement> Params,
    int MetricsLeftOut = 0, int ParamsLeftOut = 0, CheckTally? Checks = null, long? Seed = null);
