using Microsoft.AspNetCore.Http;
using Serverless.Core.Storage;

namespace Serverless.Functions.Http;

/// <summary>
/// <c>If-Match</c> and <c>If-None-Match</c>, as RFC 9110 has them. A condition that cannot be understood is an error: whoever sent it would be harmed
/// by a write that goes ahead without it.
/// </summary>
/// <param name="Match">Null: no such header.</param>
/// <param name="NoneMatch">Null: no such header.</param>
sealed record Preconditions(ETagList? Match, ETagList? NoneMatch)
{
    public bool Any => Match is not null || NoneMatch is not null;

    /// <exception cref="RequestException">One of the headers is neither <c>*</c> nor a list of ETags in quotes.</exception>
    public static Preconditions Of(HttpRequest request) =>
        new(ETagList.Parse("If-Match", request.Headers.IfMatch), ETagList.Parse("If-None-Match", request.Headers.IfNoneMatch));

    /// <summary>Whether <c>If-Match</c> lets a request go on; only ETags that are not weak can say so.</summary>
    /// <param name="etag">Of what is there; null: nothing is.</param>
    public bool Matches(string? etag) => Match is null || Match.Has(etag, strongly: true);

    /// <summary>Whether <c>If-None-Match</c> does.</summary>
    public bool NoneMatches(string? etag) => NoneMatch is null || !NoneMatch.Has(etag, strongly: false);

    /// <summary>The same as a condition of the store, which holds at the moment of the write.</summary>
    /// <returns>Null: it cannot be met by what is there.</returns>
    public async Task<PutCondition?> ToStore(IObjectStore store, string key, CancellationToken cancel)
    {
        switch (this)
        {
            case { Match: null, NoneMatch: null }:
                return PutCondition.Always;
            case { Match: null, NoneMatch.IsAny: true }:
                return PutCondition.IfAbsent;
            case { Match: { IsAny: false, Tags: [{ IsWeak: false, Value: var only }] }, NoneMatch: null }:
                return PutCondition.IfMatch(only);
        }

        var etag = (await store.Head(key, cancel)).Value?.ETag;
        if (!Matches(etag) || !NoneMatches(etag)) return null;
        return etag is null ? PutCondition.IfAbsent : PutCondition.IfMatch(etag);
    }
}

/// <param name="IsAny"><c>*</c>: whatever is there.</param>
sealed record ETagList(bool IsAny, IReadOnlyList<ETagList.ETag> Tags)
{
    private const int Most = 100;

    public readonly record struct ETag(string Value, bool IsWeak);

    public static ETagList? Parse(string header, Microsoft.Extensions.Primitives.StringValues values)
    {
        if (values.Count == 0) return null;
        var text = string.Join(',', values.ToArray()).AsSpan().Trim([' ', '\t']);
        if (text is "*") return new(IsAny: true, []);
        var tags = new List<ETag>();
        while (!text.IsEmpty)
        {
            var isWeak = text.StartsWith("W/");
            if (isWeak) text = text[2..];
            var end = text is ['"', ..] ? text[1..].IndexOf('"') : -1;
            if (end < 0 || text.Slice(1, end).ContainsAnyExceptInRange('!', '~') || tags.Count == Most) throw Wrong(header);
            tags.Add(new(text.Slice(1, end).ToString(), isWeak));
            text = text[(end + 2)..].TrimStart([' ', '\t']);
            if (text.IsEmpty) break;
            if (text[0] != ',') throw Wrong(header);
            text = text[1..].TrimStart([' ', '\t', ',']);
        }

        return tags.Count > 0 ? new(IsAny: false, tags) : throw Wrong(header);
    }

    public bool Has(string? etag, bool strongly) =>
        etag is not null && (IsAny || Tags.Any(tag => !(strongly && tag.IsWeak) && ETags.AreEqual(tag.Value, etag)));

    private static RequestException Wrong(string header) =>
        new(StatusCodes.Status400BadRequest,
            $"{header}: expected * or ETags in quotes, with commas between, at most {Most}: {header}: \"0x8D4B\"; nothing was done");
}
