using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Search;

/// <summary>
/// A condition on a run, as <see cref="ConditionParser"/> reads it. A comparison with something that the run does not have is false. Pure.
/// </summary>
public abstract record Condition
{
    private Condition() { }

    internal sealed record And(Condition Left, Condition Right) : Condition;

    internal sealed record Or(Condition Left, Condition Right) : Condition;

    internal sealed record Not(Condition Inner) : Condition;

    internal sealed record Has(Operand What) : Condition;

    internal sealed record Compare(Operand Left, Relation Relation, Operand Right) : Condition;

    public bool IsTrue(RunFacts run) => this switch
    {
        And and => and.Left.IsTrue(run) && and.Right.IsTrue(run),
        Or or => or.Left.IsTrue(run) || or.Right.IsTrue(run),
        Not not => !not.Inner.IsTrue(run),
        Has has => has.What is Operand.Field { What.Kind: FieldKind.Tags } ? run.Summary.Tags.Count > 0 : has.What.Of(run) is not null,
        Compare { Left: Operand.Field { What.Kind: FieldKind.Tags }, Right: Operand.Literal { Value: string tag } } tags =>
            run.Summary.Tags.Any(one => tags.Relation is Relation.Like or Relation.Unlike ? NamePattern.Matches(tag, one) : one == tag)
                == tags.Relation is Relation.Equal or Relation.Like,
        Compare compare => Holds(compare.Left.Of(run), compare.Relation, compare.Right.Of(run), (compare.Right as Operand.Literal)?.Until),
        _ => throw new InvalidOperationException($"unknown condition {this}"),
    };

    /// <summary>The operands that are looked up, each once.</summary>
    internal IEnumerable<Operand> Names => this switch
    {
        And and => and.Left.Names.Concat(and.Right.Names).Distinct(),
        Or or => or.Left.Names.Concat(or.Right.Names).Distinct(),
        Not not => not.Inner.Names,
        Has has => [has.What],
        Compare compare => new[] { compare.Left, compare.Right }.Where(operand => operand is not Operand.Literal).Distinct(),
        _ => [],
    };

    /// <summary>What may be metrics of it, each once.</summary>
    public IEnumerable<string> Metrics => Names.Select(name => name switch
    {
        Operand.Metric metric => metric.Name,
        Operand.Named named => named.Name,
        _ => null,
    }).OfType<string>().Distinct();

    /// <summary>What the run has of what the condition asks about, for people: <c>val/accuracy is 0.93</c>.</summary>
    public string Found(RunFacts run) => string.Join(", ", Names.Select(name => name switch
    {
        Operand.Field { What.Kind: FieldKind.Tags } => $"tags are {(run.Summary.Tags.Count == 0 ? "none" : string.Join(' ', run.Summary.Tags))}",
        _ when name.Of(run) is { } value => string.Create(CultureInfo.InvariantCulture, $"{name} is {value}"),
        _ => $"there is no {name}",
    }));

    /// <param name="until">Of a date on the right where it ends.</param>
    private static bool Holds(object? left, Relation relation, object? right, double? until)
    {
        if (left is double a && right is double b)
        {
            return relation switch
            {
                Relation.Less => a < b,
                Relation.AtMost => until is { } end ? a < end : a <= b,
                Relation.Greater => until is { } end ? a >= end : a > b,
                Relation.AtLeast => a >= b,
                Relation.Equal => until is { } end ? b <= a && a < end : a == b || double.IsNaN(a) && double.IsNaN(b),
                Relation.Unequal => !Holds(left, Relation.Equal, right, until),
                Relation.Like or Relation.Unlike => false,
            };
        }

        return left is not null && right is not null && relation switch
        {
            Relation.Equal => left.Equals(right),
            Relation.Unequal => !left.Equals(right),
            Relation.Like => left is string text && right is string pattern && NamePattern.Matches(pattern, text),
            Relation.Unlike => left is string text && right is string pattern && !NamePattern.Matches(pattern, text),
            Relation.Less or Relation.AtMost or Relation.Greater or Relation.AtLeast => false,
        };
    }
}

internal enum Relation
{
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Unequal,

    /// <summary>A text that a pattern with '*' matches.</summary>
    Like,
    Unlike,
}
