using System.Text.RegularExpressions;
using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>What a trigger may be, and what it matches. Pure.</summary>
internal static partial class TriggerRules
{
    /// <summary>A run id like any other, to check templates with.</summary>
    private const string ExampleRun = "7ZZZEXAMPLEZZZZZZZZZZZZZZZ";

    private const string Unknown = "cannot be told";

    /// <summary>What is wrong with a pattern, those included that no path can match; null: nothing.</summary>
    public static string? GlobProblem(string pattern) => Glob(pattern).Problem ?? NeverMatches(pattern);

    public static (PathPattern? Pattern, string? Problem) Glob(string pattern)
    {
        if (pattern.Trim('/').Length == 0 || pattern.EndsWith('/'))
        {
            return (null, $"'{pattern}' is a folder; for everything in it write {pattern.TrimEnd('/')}/**");
        }

        if (pattern.Length > 500) return (null, "is longer than 500 characters");
        if (pattern.Any(char.IsControl)) return (null, "has a control character");
        if (pattern.Count(c => c == '[') != pattern.Count(c => c == ']')) return (null, $"'{pattern}': a [ is not closed");
        try
        {
            return (new(pattern), null);
        }
        catch (FormatException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>
    /// Why no path that there can be matches the pattern; null: some could. Asked when a
    /// trigger is stored: one that waits for nothing would never say so.
    /// </summary>
    private static string? NeverMatches(string pattern)
    {
        var body = pattern.Trim('/');
        if (body.StartsWith("./", StringComparison.Ordinal)) body = body[2..];
        return ObjectKey.Problem(Wildcards().Replace(body, "x")) is { } problem ? $"'{Excerpt.Of(pattern, 200)}' can match no file: {problem}" : null;
    }

    /// <summary>Facts of the kind that such a trigger will meet, with nothing in them that only a real event can know.</summary>
    public static TemplateContext Example(string trigger, TriggerWhen when)
    {
        var run = when.Runs is var (project, experiment)
            ? new RunRecord
            {
                Id = ExampleRun, Project = project, Experiment = experiment, Version = 1, Key = "", Created = default, State = RunState.Succeeded,
                Spec = new() { Code = new("", ""), Command = "", Machine = "" },
            }
            : null;
        return new(when.Kind, trigger, when.Kind switch
        {
            TriggerKind.Run => new TriggerEvent.RunEnd(ExampleRun),
            TriggerKind.Artifact => new TriggerEvent.Artifact(ExampleRun, ExamplePath(when.Artifact!.Path)),
            TriggerKind.File => new TriggerEvent.File(ExamplePath(when.File!), "etag"),
            TriggerKind.Dataset => new TriggerEvent.Dataset(when.Dataset!, 1),
            TriggerKind.Schedule => new TriggerEvent.Instant(DateTimeOffset.UnixEpoch),
        })
        { Run = run };
    }

    /// <summary>The experiment of a template, or null with problems whose paths begin with <c>then</c>.</summary>
    public static ExperimentSpec? Filled(SpecNode then, TemplateContext context, ProblemList problems) => Filled(then, context.ValueOf, problems);

    /// <summary>What is wrong with a template whatever it refers to: for when that cannot be told.</summary>
    public static void CheckUnfilled(SpecNode then, ProblemList problems)
    {
        var found = new ProblemList();
        Filled(then, _ => (null, Unknown), found);
        problems.AddRange(found.Where(problem => problem.Message != Unknown));
    }

    private static ExperimentSpec? Filled(SpecNode then, Func<string, (SpecNode? Value, string? Problem)> valueOf, ProblemList problems)
    {
        if (References.In(then).Take(References.Most + 1).Count() > References.Most)
        {
            problems.Add(new("then", $"has more than {References.Most} references"));
            return null;
        }

        var found = new ProblemList();
        var filled = References.Fill(then, valueOf, found);
        var said = found.Select(problem => problem.Path).ToHashSet(StringComparer.Ordinal);
        var read = new ProblemList();
        var spec = SpecReader.Read(filled, read).Spec;

        // What could not be filled in would be complained about twice.
        found.AddRange(read.Where(problem => !said.Contains(problem.Path)));
        problems.AddRange(found.Select(problem => problem with { Path = SpecPath.Field("then", problem.Path) }));
        return said.Count > 0 ? null : spec;
    }

    /// <summary>Why a trigger would set itself off, or null.</summary>
    public static Problem? SelfProblem(TriggerWhen when, ExperimentSpec then) =>
        when.Runs is var (project, experiment) && then.Project == project && then.Name == experiment
            ? new("then.name",
                $"the trigger would set itself off: it waits for runs of {project}/{experiment} and submits one; give the experiment another name")
            : null;

    /// <summary>Whether a run that ended is what a trigger waits for, by its state and condition; "best" needs the other runs.</summary>
    /// <returns>Null, or why it is not.</returns>
    public static string? Mismatch(RunWhen when, Condition? where, RunRecord run, IReadOnlyDictionary<string, double> metrics)
    {
        if (run.Project != when.Project || run.Experiment != when.Experiment) return $"it is a run of {run.Project}/{run.Experiment}";
        if (!when.States.Contains(run.State)) return $"it {(run.State.IsTerminal ? "ended" : "is")} {CoreJson.Name(run.State)}";
        if (where is not null && RunFacts.Of(run, metrics) is var facts && !where.IsTrue(facts))
        {
            return $"{when.Where} is false: {where.Found(facts)}";
        }

        return when.Best is { Metric: var metric } && (!metrics.TryGetValue(metric, out var value) || double.IsNaN(value))
            ? $"it has no {metric}"
            : null;
    }

    /// <summary>An ended run as "best so far" sees it.</summary>
    public readonly record struct Contender(string Id, DateTimeOffset Ended, double? Value);

    /// <summary>
    /// Whether a run is better than every other that ended before it; of two that ended at the same time, the one whose id is less was first. So the
    /// answer does not change with what ends later, nor with the order in which people hear of it.
    /// </summary>
    /// <returns>The one that is at least as good, or null.</returns>
    public static Contender? Better(Contender run, IEnumerable<Contender> others, Goal goal)
    {
        Contender? better = null;
        foreach (var other in others)
        {
            if (other.Id == run.Id || other.Value is not { } value || double.IsNaN(value)) continue;
            var earlier = other.Ended < run.Ended || (other.Ended == run.Ended && string.CompareOrdinal(other.Id, run.Id) < 0);
            if (earlier && !Beats(run.Value, value) && (better is null || Beats(value, better.Value.Value))) better = other;
        }

        return better;

        bool Beats(double? one, double? another) => goal == Goal.Maximize ? one > another : one < another;
    }

    /// <summary>Why an event may not submit, whatever the rate; null when it may.</summary>
    /// <param name="before">The triggers that led to the event, oldest first.</param>
    public static string? Guarded(string trigger, IReadOnlyList<string> before, TriggerLimits limits) =>
        before.Contains(trigger) ? $"a loop: {string.Join(" → ", before.SkipWhile(name => name != trigger).Append(trigger))}"
        : before.Count >= limits.Depth
            ? $"{before.Count} triggers led here ({string.Join(" → ", before)}); limits.depth of {trigger} is {limits.Depth}"
        : null;

    private static string ExamplePath(string pattern) =>
        Wildcards().Replace(pattern, "x") is var path && ObjectKey.Problem(path) is null ? path : WorkspacePaths.Data + "x";

    [GeneratedRegex(@"\*\*|[*?]|\[[^\]]*\]")]
    private static partial Regex Wildcards();
}
