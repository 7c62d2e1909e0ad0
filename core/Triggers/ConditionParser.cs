using System.Globalization;
using Serverless.Core.Spec;

namespace Serverless.Core.Triggers;

/// <summary>
/// Reads a condition: comparisons (<c>&lt; &lt;= &gt; &gt;= == !=</c>) of metrics (<c>val/accuracy</c>; <c>`any name`</c> in backticks),
/// <c>params.NAME</c>, <c>state</c>, <c>step</c>,
/// <c>seed</c>, <c>tags</c> and <c>checks</c> (passed or failed) with each other, with numbers, with <c>'text'</c> and with true and false; joined by
/// <c>and</c>, <c>or</c>, <c>not</c> and parentheses.
/// </summary>
internal sealed class ConditionParser
{
    private const int MaxLength = 2000, MaxDepth = 50;
    private static readonly string[] EndStates = ["succeeded", "failed", "cancelled"];
    private static readonly string[] Operators = ["<=", ">=", "==", "!=", "<", ">"];

    private readonly string text;
    private int at;
    private int depth;

    private ConditionParser(string text) => this.text = text;

    /// <returns>The condition, or what is wrong with it and where.</returns>
    public static (Condition? Condition, string? Problem) Parse(string text)
    {
        if (text.Length > MaxLength) return (null, $"is longer than {MaxLength} characters");
        if (text.Any(c => char.IsControl(c) && !char.IsWhiteSpace(c))) return (null, "has a control character");
        try
        {
            var parser = new ConditionParser(text);
            var condition = parser.ReadOr();
            return parser.Rest.Length == 0 ? (condition, null) : throw parser.Wrong("expected 'and', 'or' or the end");
        }
        catch (FormatException e)
        {
            return (null, e.Message);
        }
    }

    private Condition ReadOr()
    {
        var left = ReadAnd();
        while (TakeWord("or")) left = new Condition.Or(left, ReadAnd());
        return left;
    }

    private Condition ReadAnd()
    {
        var left = ReadNot();
        while (TakeWord("and")) left = new Condition.And(left, ReadNot());
        return left;
    }

    private Condition ReadNot()
    {
        if (++depth > MaxDepth) throw Wrong($"nested deeper than {MaxDepth} levels");
        try
        {
            if (TakeWord("not")) return new Condition.Not(ReadNot());
            if (!Take("(")) return ReadComparison();
            var inner = ReadOr();
            return Take(")") ? inner : throw Wrong("expected ')'");
        }
        finally
        {
            depth--;
        }
    }

    private Condition.Compare ReadComparison()
    {
        var left = ReadOperand();
        var relation = ReadOperator();
        Skip();
        var from = at;
        switch (left)
        {
            case Operand.State:
                if (!IsEquality(relation)) throw Wrong("state is compared with == or !=");
                if (Word() is not { } state || !EndStates.Contains(state))
                {
                    throw WrongAt(from, $"a run ends succeeded, failed or cancelled{Suggestion.Clause(text[from..at], EndStates)}");
                }

                return new(left, relation, new Operand.Literal(state));
            case Operand.Checks:
                if (!IsEquality(relation)) throw Wrong("checks are compared with == or !=");
                if (Word() is not (Operand.Checks.Passed or Operand.Checks.Failed)) throw WrongAt(from, "checks are passed or failed");
                return new(left, relation, new Operand.Literal(text[from..at]));
            case Operand.Tags:
                if (!IsEquality(relation)) throw Wrong("tags are compared with == (one of them is it) or !=");
                return new(left, relation, new Operand.Literal(Quoted('\'') ?? Quoted('"') ?? Word() ?? throw Wrong("expected a tag")));
        }

        var right = ReadOperand();
        if (right is Operand.State or Operand.Tags or Operand.Checks) throw WrongAt(from, $"write {right} on the left");
        var isBare = text[from] != '`' && !text.AsSpan(from).StartsWith("metrics.");
        if (left is Operand.Param && right is Operand.Metric { Name: var bare } && isBare && !bare.Contains('/', StringComparison.Ordinal))
        {
            throw WrongAt(from, $"is {bare} a text? Write '{bare}' in quotes; a metric's name goes in backticks");
        }

        if (!IsEquality(relation) && new[] { left, right }.Any(side => side is Operand.Literal { Value: not double }))
        {
            throw WrongAt(from, "texts and truth values are compared with == or !=");
        }

        return new(left, relation, right);
    }

    private Operand ReadOperand()
    {
        Skip();
        var from = at;
        if ((Quoted('\'') ?? Quoted('"')) is { } quoted) return new Operand.Literal(quoted);
        if (Quoted('`') is { } metric) return new Operand.Metric(metric);
        const string Wanted = "a metric, params.NAME, state, step, seed, tags, checks or a number";
        var word = Word() ?? throw Wrong(at == text.Length ? $"it ends where {Wanted} is expected" : $"expected {Wanted}");
        if (char.IsAsciiDigit(word[0]) || word[0] is '-' or '.')
        {
            if (LeadingZeros.Without(word) is { } meant)
            {
                throw WrongAt(from, $"is {word} a text? Write '{word}' in quotes, or {meant} for the number");
            }

            return double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? new Operand.Literal(number)
                : throw WrongAt(from, $"'{word}' is not a number");
        }

        return word switch
        {
            "and" or "or" or "not" => throw WrongAt(from, $"expected something to compare before '{word}'"),
            "true" => new Operand.Literal(true),
            "false" => new Operand.Literal(false),
            "state" => new Operand.State(),
            "step" => new Operand.Step(),
            "seed" => new Operand.Seed(),
            "tags" => new Operand.Tags(),
            "checks" => new Operand.Checks(),
            _ when word.StartsWith("params.", StringComparison.Ordinal) && word.Length > 7 => new Operand.Param(word[7..]),
            _ when word.StartsWith("metrics.", StringComparison.Ordinal) && word.Length > 8 => new Operand.Metric(word[8..]),
            _ => new Operand.Metric(word),
        };
    }

    private Relation ReadOperator()
    {
        Skip();
        var found = Operators.FirstOrDefault(symbol => Rest.StartsWith(symbol, StringComparison.Ordinal));
        if (found is null) throw Wrong(Rest.StartsWith('=') ? "write == to compare" : "expected one of < <= > >= == !=");
        at += found.Length;
        return found switch
        {
            "<" => Relation.Less,
            "<=" => Relation.AtMost,
            ">" => Relation.Greater,
            ">=" => Relation.AtLeast,
            "==" => Relation.Equal,
            _ => Relation.Unequal,
        };
    }

    private static bool IsEquality(Relation relation) => relation is Relation.Equal or Relation.Unequal;

    private ReadOnlySpan<char> Rest => text.AsSpan(at);

    private void Skip()
    {
        while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
    }

    private bool Take(string symbol)
    {
        Skip();
        if (!Rest.StartsWith(symbol, StringComparison.Ordinal)) return false;
        at += symbol.Length;
        return true;
    }

    private bool TakeWord(string wanted)
    {
        Skip();
        var from = at;
        if (Word() == wanted) return true;
        at = from;
        return false;
    }

    private string? Word()
    {
        var from = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '_' or '.' or '/' or '-' or '+' or '@' or ':')) at++;
        return at > from ? text[from..at] : null;
    }

    private string? Quoted(char quote)
    {
        if (at >= text.Length || text[at] != quote) return null;
        var end = text.IndexOf(quote, at + 1);
        if (end < 0) throw Wrong($"the {quote} is not closed");
        var quoted = text[(at + 1)..end];
        at = end + 1;
        return quoted;
    }

    private FormatException Wrong(string what) => WrongAt(at, what);

    private static FormatException WrongAt(int position, string what) => new($"at character {position + 1}: {what}");
}
