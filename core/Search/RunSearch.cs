using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;

namespace Serverless.Core.Search;

/// <summary>Lists of runs by what they have, in any order.</summary>
public sealed class RunSearch(RunIndex index, RunStore runs, TimeProvider time)
{
    /// <summary>What every run has, beside its parameters and metrics: for people who ask.</summary>
    public static IReadOnlyList<string> Fields { get; } = [.. RunField.All.Select(field => field.Name)];

    /// <returns>The condition, or what is wrong with it and where.</returns>
    public static (Condition? Condition, string? Problem) ParseCondition(string text) => ConditionParser.Parse(text, RunField.All);

    /// <param name="where">Null: all that the filter lets through.</param>
    /// <param name="order">Null: newest first.</param>
    /// <param name="limit">At least 1.</param>
    /// <param name="after">The last run of the page before.</param>
    /// <returns>Null: there is an order, and the run after which to go on is not there any more.</returns>
    public async Task<RunList?> List(
        RunFilter filter, Condition? where, RunOrder? order, int limit, string? after = null, CancellationToken cancel = default)
    {
        if (where is null && order is null) return await index.List(filter, limit, after, cancel);
        var now = time.GetUtcNow();
        var asked = new AskedNames([.. where?.Names ?? [], .. order?.Names ?? []]);
        RunOrder.Place? last = null;
        if (order is not null && after is not null)
        {
            if (await index.Find(after, cancel) is not { } before) return null;
            last = order.PlaceOf(RunFacts.Of(await Whole(before, asked, cancel), now));
        }

        var all = await index.Now(cancel);
        var start = order is null ? after : null;
        var best = new Best(order, last, limit);
        foreach (var summary in all.Runs(start))
        {
            if (!filter.Matches(summary)) continue;
            var run = RunFacts.Of(await Whole(summary, asked, cancel), now);
            asked.Look(run);
            if (where?.IsTrue(run) != false && !best.Add(run)) break;
        }

        var (found, hasMore) = best.Page();
        return new(
            found, hasMore ? found[^1].Id : null, DamagedRecord.Listed(all.Damaged(start)),
            after is null && asked.Unknown.Count > 0 ? Remarks(all.Runs().Where(filter.Matches), asked) : null);
    }

    /// <summary>With what its summary had no room for, when that is asked for.</summary>
    private ValueTask<RunSummary> Whole(RunSummary summary, AskedNames asked, CancellationToken cancel) =>
        asked.MayBeLeftOutOf(summary) ? new(Read(summary, asked, cancel)) : new(summary);

    private async Task<RunSummary> Read(RunSummary summary, AskedNames asked, CancellationToken cancel)
    {
        if (await runs.Sound(summary.Id, cancel) is not { } run) return summary;
        var metrics = summary.Metrics.ToDictionary(StringComparer.Ordinal);
        foreach (var (name, value) in run.Metrics)
        {
            if (asked.Has(name)) metrics[name] = value;
        }

        var parameters = summary.Params.ToDictionary(StringComparer.Ordinal);
        foreach (var (name, value) in ParamPath.Flat(run.Spec.Params))
        {
            if (asked.Has(name)) parameters[name] = value;
        }

        return summary with
        {
            Metrics = metrics, MetricsLeftOut = summary.MetricsLeftOut - (metrics.Count - summary.Metrics.Count),
            Params = parameters, ParamsLeftOut = summary.ParamsLeftOut - (parameters.Count - summary.Params.Count), Seed = run.Spec.Seed,
        };
    }

    private static List<string> Remarks(IEnumerable<RunSummary> all, AskedNames asked)
    {
        var known = new HashSet<string>(Fields, StringComparer.Ordinal);
        foreach (var run in all)
        {
            known.UnionWith(run.Metrics.Keys);
            known.UnionWith(run.Params.Keys);
        }

        return [.. asked.Unknown.Select(name =>
        {
            var (kind, own) = AskedNames.Of(name)!.Value;
            return $"no run has {kind} '{own}'" + (Meant(own, [.. known.Where(one => one != own)]) is { } meant ? $"; did you mean '{meant}'?" : "");
        })];
    }

    // Of "val/accuracy" people remember the end.
    private static string? Meant(string written, IReadOnlyList<string> known) =>
        Suggestion.For(written, known)
        ?? known.Order(StringComparer.Ordinal).FirstOrDefault(name => name.LastIndexOf('/') is > 0 and var slash
            && Suggestion.For(written, [name[(slash + 1)..]]) is not null);
}

/// <summary>The parameters and metrics that are asked for, and which of them no run had so far.</summary>
internal sealed class AskedNames
{
    private readonly List<Operand> all;
    private readonly List<Operand> unknown;

    public AskedNames(IEnumerable<Operand> operands)
    {
        all = [.. operands.Distinct()];
        unknown = [.. all.Where(one => Of(one) is not null)];
    }

    public IReadOnlyList<Operand> Unknown => unknown;

    public bool Has(string name) => all.Exists(one => Of(one)?.Name == name);

    public bool MayBeLeftOutOf(RunSummary run) => all.Exists(one => one.MayBeLeftOut(run));

    public void Look(RunFacts run)
    {
        if (unknown.Count > 0) unknown.RemoveAll(one => one.Of(run) is not null);
    }

    /// <summary>What kind of thing it names; null: a field, which every run has or may have.</summary>
    public static (string Kind, string Name)? Of(Operand operand) => operand switch
    {
        Operand.Metric { Name: var name } => ("a metric", name),
        Operand.Param { Name: var name } => ("a parameter", name),
        Operand.Named { Name: var name } => ("a metric or a parameter", name),
        _ => null,
    };
}
