using System.Text.Json;

namespace Serverless.Client;

/// <summary><c>GET /api/compare</c>: runs side by side.</summary>
/// <param name="Params">Parameter → value per run, null where a run has none; those that differ come first.</param>
/// <param name="Metrics">Metric → last value per run; those that some run's spec names come first, then those that differ.</param>
/// <param name="ParamsLeftOut">Rows that there is no room for.</param>
/// <param name="MetricsLeftOut">The same, at least.</param>
/// <param name="FactsLeftOut">The same.</param>
public sealed record Comparison(
    IReadOnlyList<RunSummary> Runs, IReadOnlyList<ComparedRow<JsonElement?>> Params, IReadOnlyList<ComparedRow<double?>> Metrics,
    IReadOnlyList<ComparedRow<string?>> Facts,
    int ParamsLeftOut = 0, int MetricsLeftOut = 0, int FactsLeftOut = 0);

public sealed record ComparedRow<T>(string Name, bool Differs, IReadOnlyList<T?> Values);
