namespace Serverless.Core.Search;

/// <summary>
/// In which order runs are listed: <c>-val/accuracy, created</c>; with '-' the greatest first. Runs that have nothing of a name come last, and of
/// equal ones the newest first.
/// </summary>
public sealed class RunOrder
{
    private readonly List<(Operand What, bool Descending)> keys;

    private RunOrder(List<(Operand, bool)> keys) => this.keys = keys;

    /// <returns>The order, or what is wrong with it and where.</returns>
    public static (RunOrder? Order, string? Problem) Parse(string text) =>
        ConditionParser.ParseOrder(text) is (var keys, var problem) && keys is not null ? (new(keys), null) : (null, problem);

    internal IEnumerable<Operand> Names => keys.Select(key => key.What);

    /// <summary>A run's place among others.</summary>
    internal Place PlaceOf(RunFacts run) => new(run.Summary.Id, [.. keys.Select(key => ValueOf(key.What, run))]);

    internal int Compare(Place a, Place b)
    {
        for (var i = 0; i < keys.Count; i++)
        {
            var (x, y) = (a.Values[i], b.Values[i]);
            if (Rank(x) - Rank(y) is var byRank and not 0) return byRank;
            var order = x is double number && y is double other ? number.CompareTo(other) : string.CompareOrdinal(x?.ToString(), y?.ToString());
            if (order != 0) return keys[i].Descending ? -order : order;
        }

        // Ids sort newest first.
        return string.CompareOrdinal(a.Id, b.Id);
    }

    private static object? ValueOf(Operand what, RunFacts run) =>
        what is Operand.Field { What.Kind: FieldKind.Tags } ? run.Summary.Tags is { Count: > 0 } tags ? string.Join(',', tags) : null : what.Of(run);

    // Numbers before texts, then what is no number any more, then nothing at all.
    private static int Rank(object? value) => value switch { null => 3, double.NaN => 2, double => 0, _ => 1 };

    internal readonly record struct Place(string Id, object?[] Values);
}
