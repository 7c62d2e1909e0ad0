namespace Serverless.Core.Runs;

/// <summary>The last value of each metric while points come in, of the most telling ones when there are too many. For several threads.</summary>
public sealed class LatestValues(MetricOrder order, int most)
{
    private readonly Lock guard = new();
    private readonly Dictionary<string, double> values = new(StringComparer.Ordinal);
    private readonly SortedSet<string> names = new(order);

    public double this[string name]
    {
        set
        {
            lock (guard)
            {
                if (!values.ContainsKey(name) && !MakeRoom(name)) return;
                values[name] = value;
            }
        }
    }

    /// <summary>As they are now.</summary>
    public IReadOnlyDictionary<string, double> Copy()
    {
        lock (guard) return new Dictionary<string, double>(values, StringComparer.Ordinal);
    }

    private bool MakeRoom(string name)
    {
        if (values.Count == most)
        {
            var least = names.Max!;
            if (order.Compare(name, least) >= 0) return false;
            names.Remove(least);
            values.Remove(least);
        }

        return names.Add(name);
    }
}
