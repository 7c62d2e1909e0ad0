using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.Core.Search;

/// <summary>What conditions ask of a run.</summary>
/// <param name="Metrics">Last values, at least of those that are asked for.</param>
/// <param name="Params">In maps, or each by its path.</param>
/// <param name="Now">What ages are counted to.</param>
public sealed record RunFacts(
    RunSummary Summary, IReadOnlyDictionary<string, double> Metrics, IReadOnlyDictionary<string, JsonElement> Params, DateTimeOffset Now)
{
    public static RunFacts Of(RunSummary run, DateTimeOffset now) => new(run, run.Metrics, run.Params, now);

    /// <summary>An ended run: nothing of it changes any more.</summary>
    public static RunFacts Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) =>
        new(RunSummary.Of(run), metrics, run.Spec.Params, run.Ended ?? default);

    public JsonElement? Param(string name) => ParamPath.Find(Params, name);
}
