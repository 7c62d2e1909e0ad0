using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.Core.Triggers;

/// <summary>
/// A condition on an ended run, as <see cref="ConditionParser"/> reads it. A comparison with something that the run does not have is false. Pure.
/// </summary>
public abstract record Condition
{
    private Condition() { }

    public sealed record And(Condition Left, Condition Right) : Condition;

    public sealed record Or(Condition Left, Condition Right) : Condition;

    public sealed record Not(Condition Inner) : Condition;

    public sealed record Compare(Operand Left, Relation Relation, Operand Right) : Condition;

    /// <param name="metrics">Latest values of the run's metrics, at least of those in <see cref="Metrics"/>.</param>
    public bool IsTrue(RunRecord run, IReadOnlyDictionary<string, double> metrics) => this switch
    {
        And and => and.Left.IsTrue(run, metrics) && and.Right.IsTrue(run, metrics),
        Or or => or.Left.IsTrue(run, metrics) || or.Right.IsTrue(run, metrics),
        Not not => !not.Inner.IsTrue(run, metrics),
        Compare { Left: Operand.Tags } tags => run.Tags.Contains(((Operand.Literal)tags.Right).Value as string) == (tags.Relation == Relation.Equal),
        Compare compare => Holds(compare.Left.Of(run, metrics), compare.Relation, compare.Right.Of(run, metrics)),
        _ => throw new InvalidOperationException($"unknown condition {this}"),
    };

    /// <summary>The operands that are looked up, each once.</summary>
    public IEnumerable<Operand> Names => this switch
    {
        And and => and.Left.Names.Concat(and.Right.Names).Distinct(),
        Or or => or.Left.Names.Concat(or.Right.Names).Distinct(),
        Not not => not.Inner.Names,
        Compare compare => new[] { compare.Left, compare.Right }.Where(operand => operand is not Operand.Literal).Distinct(),
        _ => [],
    };

    public IEnumerable<string> Metrics => Names.OfType<Operand.Metric>().Select(metric => metric.Name);

    /// <summary>What the run has of what the condition asks about, for people: <c>val/accuracy is 0.93</c>.</summary>
    public string Found(RunRecord run, IReadOnlyDictionary<string, double> metrics) => string.Join(", ", Names.Select(name => name switch
    {
        Operand.Tags => $"tags are {(run.Tags.Count == 0 ? "none" : string.Join(' ', run.Tags))}",
        _ when name.Of(run, metrics) is { } value => string.Create(CultureInfo.InvariantCulture, $"{name} is {value}"),
        _ => $"there is no {name}",
    }));

    private static bool Holds(object? left, Relation relation, object? right)
    {
        if (left is double a && right is double b)
        {
            return relation switch
            {
                Relation.Less => a < b,
                Relation.AtMost => a <= b,
                Relation.Greater => a > b,
                Relation.AtLeast => a >= b,
                Relation.Equal => a == b,
                Relation.Unequal => a != b,
            };
        }

        return left is not null && right is not null && relation switch
        {
            Relation.Equal => left.Equals(right),
            Relation.Unequal => !left.Equals(right),
            Relation.Less or Relation.AtMost or Relation.Greater or Relation.AtLeast => false,
        };
    }
}

public enum Relation
{
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Unequal,
}

/// <summary>One side of a comparison.</summary>
public abstract record Operand
{
    private Operand() { }

    /// <summary>A number (double), a text, or true or false; null when the run has no such thing.</summary>
    public abstract object? Of(RunRecord run, IReadOnlyDictionary<string, double> metrics);

    public sealed record Literal(object Value) : Operand
    {
        public override object Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) => Value;
    }

    public sealed record Metric(string Name) : Operand
    {
        public override object? Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) =>
            metrics.TryGetValue(Name, out var value) ? value : null;

        public override string ToString() => Name;
    }

    public sealed record Param(string Name) : Operand
    {
        public override object? Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) => ParamPath.Find(run.Spec.Params, Name) is { } value
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

    public sealed record State : Operand
    {
        public override object Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) => CoreJson.Name(run.State);

        public override string ToString() => "state";
    }

    /// <summary><c>passed</c> when all of its checks did, else <c>failed</c>.</summary>
    public sealed record Checks : Operand
    {
        public const string Passed = "passed", Failed = "failed";

        public override object? Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) =>
            CheckTally.Of(run) is { } tally ? tally.Failed == 0 ? Passed : Failed : null;

        public override string ToString() => "checks";
    }

    public sealed record Step : Operand
    {
        public override object? Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) => run.Step is { } step ? (double)step : null;

        public override string ToString() => "step";
    }

    public sealed record Seed : Operand
    {
        public override object Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) => (double)run.Spec.Seed;

        public override string ToString() => "seed";
    }

    /// <summary>Equal to a word when one of them is.</summary>
    public sealed record Tags : Operand
    {
        public override object? Of(RunRecord run, IReadOnlyDictionary<string, double> metrics) => null;

        public override string ToString() => "tags";
    }
}
