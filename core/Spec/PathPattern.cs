namespace Serverless.Core.Spec;

/// <summary>
/// A pattern of paths, as in .gitignore: <c>*</c> and <c>?</c> within a folder, <c>**</c> across folders, <c>[a-z]</c>; with a '/' inside or in front
/// it counts from the top, without one it matches at any depth; a '/' at its end matches folders only. A folder that matches stands for everything
/// in it.
/// </summary>
/// <remarks>
/// It is its own automaton: all its parts that the next character may meet are followed at once, so that neither time nor memory grows beyond the
/// lengths of pattern and path. There may be thousands of patterns, and anybody's.
/// </remarks>
internal sealed class PathPattern
{
    /// <summary>Characters; no path is longer.</summary>
    private const int Longest = 1000;

    private enum Kind : byte
    {
        /// <summary>This character.</summary>
        One,

        /// <summary><c>?</c></summary>
        Any,

        /// <summary><c>[a-z]</c></summary>
        Set,

        /// <summary><c>*</c></summary>
        Within,

        /// <summary><c>**</c></summary>
        Across,

        /// <summary><c>**/</c>: the next part, which goes on to the end of a folder, or nothing.</summary>
        MaybeFolders,
        Folders,
    }

    /// <param name="Ranges">First and last character of each.</param>
    private readonly record struct Part(Kind Kind, char Character = '\0', string? Ranges = null, bool IsNegated = false)
    {
        public bool Takes(char c) => Kind switch
        {
            Kind.One => c == Character,
            Kind.Any or Kind.Within => c != '/',
            Kind.Set => c != '/' && IsWithin(c) != IsNegated,
            _ => true,
        };

        private bool IsWithin(char c)
        {
            for (var i = 0; i < Ranges!.Length; i += 2)
            {
                if (Ranges[i] <= c && c <= Ranges[i + 1]) return true;
            }

            return false;
        }
    }

    private readonly Part[] parts;
    private readonly bool foldersOnly;

    /// <exception cref="FormatException">It is no pattern; says why.</exception>
    public PathPattern(string pattern)
    {
        if (pattern.Length > Longest) throw new FormatException($"'{Excerpt.Of(pattern)}' is longer than {Longest} characters");
        foldersOnly = pattern.EndsWith('/');
        var body = pattern.Trim('/');
        var fromTop = pattern.StartsWith('/') || body.Contains('/', StringComparison.Ordinal);
        if (body.StartsWith("./", StringComparison.Ordinal)) body = body[2..];
        parts = Parse(fromTop ? body : "**/" + body)
            ?? throw new FormatException($"'{Excerpt.Of(pattern)}' is not a pattern: * and ? within a folder, ** across folders, [a-z]");
    }

    public bool Matches(ReadOnlySpan<char> path, bool isFolder) => (isFolder || !foldersOnly) && Follow(path, orItsFolders: false);

    /// <summary>Whether the file, or a folder that it is in, matches.</summary>
    public bool Covers(string file) => Follow(file, orItsFolders: true);

    private bool Follow(ReadOnlySpan<char> path, bool orItsFolders)
    {
        // Which parts the next character may meet; the one behind the last is the end.
        Span<ushort> now = stackalloc ushort[parts.Length + 1], next = stackalloc ushort[parts.Length + 1];
        Span<bool> isNext = stackalloc bool[parts.Length + 1];
        isNext.Clear();
        var count = 0;
        Reach(0, now, isNext, ref count);
        for (var i = 0; i < path.Length && count > 0; i++)
        {
            if (orItsFolders && i > 0 && path[i] == '/' && isNext[parts.Length]) return true;
            isNext.Clear();
            var nextCount = 0;
            foreach (var part in now[..count])
            {
                if (part == parts.Length || !parts[part].Takes(path[i])) continue;
                var kind = parts[part].Kind;
                if (kind is Kind.Within or Kind.Across or Kind.Folders) Reach(part, next, isNext, ref nextCount);
                if (kind is Kind.One or Kind.Any or Kind.Set || kind is Kind.Folders && path[i] == '/') Reach(part + 1, next, isNext, ref nextCount);
            }

            var reached = next;
            next = now;
            now = reached;
            count = nextCount;
        }

        return count > 0 && isNext[parts.Length] && !(orItsFolders && foldersOnly);
    }

    /// <summary>A part, and those that are reached from it without a character.</summary>
    private void Reach(int part, Span<ushort> reached, Span<bool> isReached, ref int count)
    {
        for (; !isReached[part]; part++)
        {
            isReached[part] = true;
            reached[count++] = (ushort)part;
            if (part == parts.Length) return;
            if (parts[part].Kind is Kind.MaybeFolders) Reach(part + 2, reached, isReached, ref count);
            else if (parts[part].Kind is not (Kind.Within or Kind.Across)) return;
        }
    }

    /// <returns>Null: it has a range from the later character to the earlier.</returns>
    private static Part[]? Parse(ReadOnlySpan<char> pattern)
    {
        var parts = new List<Part>(pattern.Length + 1);
        while (pattern.Length > 0)
        {
            var taken = 1;
            if (pattern.StartsWith("**/"))
            {
                parts.AddRange(new(Kind.MaybeFolders), new(Kind.Folders));
                taken = 3;
            }
            else if (pattern.StartsWith("**"))
            {
                parts.Add(new(Kind.Across));
                taken = 2;
            }
            else if (pattern[0] == '[' && SetEnd(pattern) is > 0 and var end)
            {
                var set = pattern[1..end];
                var isNegated = set[0] is '!' or '^';
                if (Ranges(isNegated ? set[1..] : set) is not { } ranges) return null;
                parts.Add(new(Kind.Set, Ranges: ranges, IsNegated: isNegated));
                taken = end + 1;
            }
            else
            {
                parts.Add(pattern[0] switch { '*' => new(Kind.Within), '?' => new(Kind.Any), var c => new(Kind.One, c) });
            }

            pattern = pattern[taken..];
        }

        return [.. parts];
    }

    /// <summary>Where the set ends: a ']' in front is one of its characters. Negative: nowhere.</summary>
    private static int SetEnd(ReadOnlySpan<char> pattern)
    {
        var first = pattern.Length > 1 && pattern[1] is '!' or '^' ? 2 : 1;
        if (pattern.Length <= first + 1) return -1;
        var end = pattern[(first + 1)..].IndexOf(']');
        return end < 0 ? -1 : first + 1 + end;
    }

    private static string? Ranges(ReadOnlySpan<char> set)
    {
        var ranges = new List<char>();
        while (set.Length > 0)
        {
            var isRange = set.Length > 2 && set[1] == '-';
            var last = set[isRange ? 2 : 0];
            if (last < set[0]) return null;
            ranges.AddRange([set[0], last]);
            set = set[(isRange ? 3 : 1)..];
        }

        return new([.. ranges]);
    }
}
