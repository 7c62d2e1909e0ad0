using System.Text.Json;

namespace Serverless.Core.Search;

/// <summary>One side of a comparison.</summary>
internal abstract record Operand
{
    private Operand() { }

    /// <summary>A number (double), a text, or true or false; null when the run has no such thing.</summary>
    public abstract object? Of(RunFacts run);

    /// <param name="Until">Of a date where it ends: the number is where it begins. Null: it is no date.</param>
    public sealed record Literal(object Value, double? Until = null) : Operand
    {
        public override object Of(RunFacts run) => Value;
    }

    /// <summary>A metric, or where a run has none of that name, a parameter: <c>metrics.lr</c> and <c>params.lr</c> say which.</summary>
    public sealed record Named(string Name) : Operand
    {
        public override object? Of(RunFacts run) => new Metric(Name).Of(run) ?? new Param(Name).Of(run);

        public override string ToString() => Name;
    }

    public sealed record Metric(string Name) : Operand
    {
        public override object? Of(RunFacts run) => run.Metrics.TryGetValue(Name, out var value) ? value : null;

        public override string ToString() => Name;
    }

    public sealed record Param(string Name) : Operand
    {
        public override object? Of(RunFacts run) => run.Param(Name) is { } value
            ? value.ValueKind switch
            {
                JsonValueKind.Number => value.GetDouble(),
                JsonValueKind.String => value.GetString(),
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                _ => null,
            }
            : null;

        public override string ToString() => $"params.{Name}";
    }

    public sealed record Field(RunField What) : Operand
    {
        public override object? Of(RunFacts run) => What.Of(run);

        public override string ToString() => What.Name;
    }

    /// <summary>The run may have it although its summary does not: there was no room.</summary>
    public bool MayBeLeftOut(RunSummary run) => this switch
    {
        Metric { Name: var name } => run.MetricsLeftOut > 0 && !run.Metrics.ContainsKey(name),
        Param { Name: var name } => run.ParamsLeftOut > 0 && !run.Params.ContainsKey(name),
        Named { Name: var name } => new Metric(name).MayBeLeftOut(run) || !run.Metrics.ContainsKey(name) && new Param(name).MayBeLeftOut(run),
        Field { What.Name: "seed" } => run.Seed is null,
        _ => false,
    };
}
