using System.Globalization;
using Serverless.Core.Spec;

namespace Serverless.Core.Search;

/// <summary>
/// Reads a condition: comparisons (<c>&lt; &lt;= &gt; &gt;= == !=</c>, <c>~</c> with a pattern, <c>in (a, b)</c>, <c>has NAME</c>) of metrics
/// (<c>val/accuracy</c>; <c>`any name`</c> in backticks), <c>params.NAME</c> and fields of every run with each other, with numbers, with
/// <c>'text'</c> and with true and false; joined by <c>and</c>, <c>or</c>, <c>not</c> and parentheses.
/// </summary>
internal sealed class ConditionParser
{
    private const int MaxLength = 2000, MaxDepth = 50, MaxKeys = 5;
    private const string AnyDay = "yyyy-MM-dd";
    private static readonly string[] Operators = ["<=", ">=", "==", "!=", "!~", "<", ">", "=", "~"];
    private static readonly string[] Instants =
    [
        AnyDay, "yyyy-MM-ddTHH:mm", "yyyy-MM-dd HH:mm", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-ddTHH:mmK", "yyyy-MM-dd HH:mmK",
        "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-dd HH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK",
    ];

    private readonly string text;
    private readonly IReadOnlyList<RunField> fields;
    private int at;
    private int depth;

    private ConditionParser(string text, IReadOnlyList<RunField> fields) => (this.text, this.fields) = (text, fields);

    /// <summary>On the end of a run.</summary>
    /// <returns>The condition, or what is wrong with it and where.</returns>
    public static (Condition? Condition, string? Problem) Parse(string text) => Parse(text, RunField.OfEnds);

    public static (Condition? Condition, string? Problem) Parse(string text, IReadOnlyList<RunField> fields) => Read(text, fields, parser =>
    {
        var condition = parser.ReadOr();
        return parser.Rest.Length == 0 ? condition : throw parser.Wrong("expected 'and', 'or' or the end");
    });

    /// <summary>Names with commas between them, with '-' before those of which the greatest come first.</summary>
    public static (List<(Operand What, bool Descending)>? Keys, string? Problem) ParseOrder(string text) => Read(text, RunField.All, parser =>
    {
        var keys = new List<(Operand, bool)>();
        do
        {
            var isDescending = parser.Take("-");
            var from = parser.at;
            var what = parser.ReadOperand();
            if (what is Operand.Literal) throw WrongAt(from, "expected a metric, params.NAME or a field");
            keys.Add((what, isDescending));
            if (keys.Count > MaxKeys) throw WrongAt(from, $"more than {MaxKeys} names");
        }
        while (parser.Take(","));
        return parser.Rest.Length == 0 ? keys : throw parser.Wrong("expected a comma or the end");
    });

    private static (T? Read, string? Problem) Read<T>(string text, IReadOnlyList<RunField> fields, Func<ConditionParser, T> read) where T : class
    {
        if (text.Length > MaxLength) return (null, $"is longer than {MaxLength} characters");
        if (text.Any(c => char.IsControl(c) && !char.IsWhiteSpace(c))) return (null, "has a control character");
        try
        {
            return (read(new(text, fields)), null);
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
            if (ReadHas() is { } has) return has;
            if (!Take("(")) return ReadComparison();
            var inner = ReadOr();
            return Take(")") ? inner : throw Wrong("expected ')'");
        }
        finally
        {
            depth--;
        }
    }

    // A metric may have the name 'has', and then something to compare with comes next.
    private Condition.Has? ReadHas()
    {
        var from = at;
        if (TakeWord("has"))
        {
            Skip();
            if (Rest.Length > 0 && (IsOfWords(Rest[0]) || Rest[0] == '`') && !IsWord("in") && !IsWord("not"))
            {
                var start = at;
                var what = ReadOperand();
                return what is not Operand.Literal ? new(what) : throw WrongAt(start, "expected a metric, params.NAME or a field");
            }
        }

        at = from;
        return null;
    }

    private Condition ReadComparison()
    {
        var left = ReadOperand();
        if (TakeWord("in")) return ReadList(left);
        if (TakeWord("not"))
        {
            return TakeWord("in") ? new Condition.Not(ReadList(left)) : throw Wrong("expected 'in'");
        }

        return Compared(left, ReadOperator());
    }

    private Condition ReadList(Operand left)
    {
        if (!Take("(")) throw Wrong("expected a list such as (1, 2)");
        Condition list = Compared(left, Relation.Equal);
        while (Take(",")) list = new Condition.Or(list, Compared(left, Relation.Equal));
        return Take(")") ? list : throw Wrong("expected ',' or ')'");
    }

    private Condition.Compare Compared(Operand left, Relation relation)
    {
        Skip();
        var from = at;
        if (left is Operand.Field { What: { Kind: FieldKind.Text or FieldKind.Tags } field }) return new(left, relation, TextFor(field, relation));
        if (relation is Relation.Like or Relation.Unlike)
        {
            if (left is Operand.Field { What.Name: var name }) throw WrongAt(from, $"{name} is a number; patterns are for texts");
            return new(left, relation, new Operand.Literal(Pattern() ?? throw Wrong("expected a pattern such as adam*")));
        }

        if (left is Operand.Field { What: { Kind: FieldKind.Time or FieldKind.Duration } time }) return new(left, relation, TimeFor(time));
        var right = ReadOperand();
        if (right is Operand.Field { What.Kind: not FieldKind.Number }) throw WrongAt(from, $"write {right} on the left");
        var isBare = right is Operand.Named { Name: var bare } && text[from] != '`' && !bare.Contains('/', StringComparison.Ordinal);
        if (isBare && (left is Operand.Param || IsOfLists && IsEquality(relation)))
        {
            throw WrongAt(from, $"is {right} a text? Write '{right}' in quotes; a metric's name goes in backticks");
        }

        if (!IsEquality(relation) && new[] { left, right }.Any(side => side is Operand.Literal { Value: not double }))
        {
            throw WrongAt(from, "texts and truth values are compared with == or !=");
        }

        return new(left, relation, right);
    }

    private Operand.Literal TextFor(RunField field, Relation relation)
    {
        var from = at;
        var isPattern = relation is Relation.Like or Relation.Unlike;
        if (!IsEquality(relation) && !isPattern)
        {
            throw Wrong(
                field.Kind == FieldKind.Tags ? "tags are compared with == (one of them is it) or !=" : $"{field.Name} is a text: write == or !=");
        }

        var written = (isPattern ? Pattern() : Quoted('\'') ?? Quoted('"') ?? Word()) ?? "";
        if (!isPattern && field.Known is { } known && !known.Contains(written))
        {
            var what = IsOfLists ? field.Name : $"{field.Name} of an ended run";
            throw WrongAt(from, $"{what} is one of {string.Join(", ", known)}{Suggestion.Clause(written, known)}");
        }

        return written.Length > 0 ? new(written) : throw WrongAt(from, field.Kind == FieldKind.Tags ? "expected a tag" : "expected a text");
    }

    private Operand.Literal TimeFor(RunField field)
    {
        var from = at;
        var written = Quoted('\'') ?? Quoted('"') ?? Word() ?? "";
        if (field.Kind == FieldKind.Duration)
        {
            return Durations.Parse(written) is { } length ? new(length.TotalSeconds) : throw WrongAt(from, $"expected {Durations.Wanted}");
        }

        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (!DateTimeOffset.TryParseExact(written, Instants, CultureInfo.InvariantCulture, Utc, out var instant))
        {
            throw WrongAt(from, "expected a date: 2026-11-01, or in quotes '2026-11-01 12:30' (UTC); age < 2d says how long ago");
        }

        var begin = RunField.Seconds(instant);
        return new(begin, written.Length == AnyDay.Length ? begin + TimeSpan.SecondsPerDay : null);
    }

    private Operand ReadOperand()
    {
        Skip();
        var from = at;
        if ((Quoted('\'') ?? Quoted('"')) is { } quoted) return new Operand.Literal(quoted);
        if (Quoted('`') is { } name) return IsOfLists ? new Operand.Named(name) : new Operand.Metric(name);
        var wanted = IsOfLists ? "a metric, params.NAME, a field or a number" : "a metric, params.NAME, state, step, seed, tags, checks or a number";
        var word = Word() ?? throw Wrong(at == text.Length ? $"it ends where {wanted} is expected" : $"expected {wanted}");
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
            "nan" or "NaN" when IsOfLists => new Operand.Literal(double.NaN),
            _ when fields.FirstOrDefault(field => field.Name == word) is { } field => new Operand.Field(field),
            _ when word.StartsWith("params.", StringComparison.Ordinal) && word.Length > 7 => new Operand.Param(word[7..]),
            _ when word.StartsWith("metrics.", StringComparison.Ordinal) && word.Length > 8 => new Operand.Metric(word[8..]),
            _ => new Operand.Named(word),
        };
    }

    private Relation ReadOperator()
    {
        Skip();
        var found = Operators.FirstOrDefault(symbol => Rest.StartsWith(symbol, StringComparison.Ordinal))
            ?? throw Wrong("expected one of < <= > >= == != ~ in");
        at += found.Length;
        return found switch
        {
            "<" => Relation.Less,
            "<=" => Relation.AtMost,
            ">" => Relation.Greater,
            ">=" => Relation.AtLeast,
            "==" or "=" => Relation.Equal,
            "~" => Relation.Like,
            "!~" => Relation.Unlike,
            _ => Relation.Unequal,
        };
    }

    // Names that are no field's there are metrics of triggers that are stored, whatever fields there are to list by.
    private bool IsOfLists => fields == RunField.All;

    private static bool IsEquality(Relation relation) => relation is Relation.Equal or Relation.Unequal;

    private static bool IsOfWords(char c) => char.IsLetterOrDigit(c) || c is '_' or '.' or '/' or '-' or '+' or '@' or ':';

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

    private bool IsWord(string wanted)
    {
        var from = at;
        var isIt = TakeWord(wanted);
        at = from;
        return isIt;
    }

    private bool TakeWord(string wanted)
    {
        Skip();
        var from = at;
        if (Word() == wanted) return true;
        at = from;
        return false;
    }

    private string? Word() => Word(IsOfWords);

    private string? Pattern() => Quoted('\'') ?? Quoted('"') ?? Word(static c => c == '*' || IsOfWords(c));

    private string? Word(Func<char, bool> isPart)
    {
        var from = at;
        while (at < text.Length && isPart(text[at])) at++;
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
