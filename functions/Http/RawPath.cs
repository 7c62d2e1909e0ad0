using System.Runtime.InteropServices;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Serverless.Functions.Http;

/// <summary>
/// The path as the client sent it. Servers resolve '..' before they route, so that a path which
/// tries to climb looks harmless afterwards; here it is refused.
/// </summary>
static class RawPath
{
    private const int MaxDecodings = 3;

    /// <summary>What is wrong with the request's path, or null: dot segments and backslashes, plain or encoded, once or several times; and bytes that
    /// are no text, which would stay encoded and become another name.</summary>
    public static string? Problem(HttpContext context)
    {
        var path = Of(context);
        if (!path.Contains('%') && !path.Contains('\\') && !path.Contains("/.", StringComparison.Ordinal)) return null;
        if (!IsUtf8(path)) return "the path has encoded bytes that are not UTF-8";
        for (var decoding = 0; decoding <= MaxDecodings; decoding++)
        {
            if (path.Contains('\\')) return "the path has a backslash; separate folders with '/'";
            foreach (var segment in path.Split('/'))
            {
                if (segment is "." or "..") return "the path has a '.' or '..' segment";
            }

            var decoded = Uri.UnescapeDataString(path);
            if (decoded == path) return null;
            path = decoded;
        }

        return "the path is encoded several times over";
    }

    /// <summary>What follows a number of leading segments, decoded once; an encoded '/' counts as one.</summary>
    public static string After(HttpRequest request, int segments)
    {
        var path = Of(request.HttpContext).AsSpan();
        for (var i = 0; i < segments; i++)
        {
            var slash = path[1..].IndexOf('/') + 1;
            if (slash <= 0) return "";
            path = path[slash..];
        }

        return Uri.UnescapeDataString(path[1..]);
    }

    private static bool IsUtf8(string path)
    {
        var bytes = new List<byte>();
        for (var i = 0; i < path.Length; i++)
        {
            var isEncoded = path[i] == '%' && i + 2 < path.Length && char.IsAsciiHexDigit(path[i + 1]) && char.IsAsciiHexDigit(path[i + 2]);

            // What stands there unencoded only has to part what is encoded.
            bytes.Add(isEncoded ? Convert.ToByte(path.Substring(i + 1, 2), 16) : (byte)'-');
            if (isEncoded) i += 2;
        }

        return Utf8.IsValid(CollectionsMarshal.AsSpan(bytes));
    }

    private static string Of(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } raw ? raw : context.Request.Path.ToUriComponent();
        var end = target.IndexOf('?', StringComparison.Ordinal);
        if (end >= 0) target = target[..end];
        if (target.StartsWith('/')) return target;

        // Absolute form, as proxies are asked: http://host/path.
        var authority = target.IndexOf("://", StringComparison.Ordinal);
        var start = authority < 0 ? -1 : target.IndexOf('/', authority + 3);
        return start < 0 ? "/" : target[start..];
    }
}
