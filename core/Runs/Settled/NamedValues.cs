using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Serverless.Core.Runs.Settled;

/// <summary>A few values by name. Runs of one experiment have the same names, and share them.</summary>
internal sealed class NamedValues<T>(string[] names, T[] values) : IReadOnlyDictionary<string, T>
{
    public int Count => names.Length;
    public IEnumerable<string> Keys => names;
    public IEnumerable<T> Values => values;
    public T this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException(key);

    public bool ContainsKey(string key) => IndexOf(key) >= 0;

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out T value)
    {
        var at = IndexOf(key);
        value = at < 0 ? default : values[at];
        return at >= 0;
    }

    public IEnumerator<KeyValuePair<string, T>> GetEnumerator()
    {
        for (var i = 0; i < names.Length; i++) yield return new(names[i], values[i]);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int IndexOf(string key)
    {
        for (var i = 0; i < names.Length; i++)
        {
            if (string.Equals(names[i], key)) return i;
        }

        return -1;
    }
}
