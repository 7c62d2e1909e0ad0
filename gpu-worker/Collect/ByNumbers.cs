namespace Serverless.GpuWorker.Collect;

/// <summary>Compares names as people count: <c>fold_2</c> comes before <c>fold_10</c>.</summary>
static class ByNumbers
{
    public static int Compare(string a, string b)
    {
        var (i, j) = (0, 0);
        while (i < a.Length && j < b.Length)
        {
            var one = Part(a, ref i);
            var other = Part(b, ref j);
            var order = char.IsAsciiDigit(one[0]) && char.IsAsciiDigit(other[0]) ? Numbers(one, other) : one.SequenceCompareTo(other);
            if (order != 0) return order;
        }

        return (a.Length - i).CompareTo(b.Length - j) is not 0 and var rest ? rest : string.CompareOrdinal(a, b);
    }

    // A number is less than a longer one, zeros before it aside.
    private static int Numbers(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        a = a.TrimStart('0');
        b = b.TrimStart('0');
        return a.Length == b.Length ? a.SequenceCompareTo(b) : a.Length.CompareTo(b.Length);
    }

    private static ReadOnlySpan<char> Part(string text, ref int at)
    {
        var (begin, digits) = (at, char.IsAsciiDigit(text[at]));
        while (at < text.Length && char.IsAsciiDigit(text[at]) == digits) at++;
        return text.AsSpan(begin, at - begin);
    }
}
