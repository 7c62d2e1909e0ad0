using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Serverless.Tests.Client;

/// <summary>A content that is answered as a whole or in part, as a store does it.</summary>
static class Parts
{
    /// <param name="cutAt">The connection breaks after so many bytes of this answer.</param>
    /// <param name="ranges">False: always the whole.</param>
    public static async Task Answer(HttpContext context, byte[] content, string etag = "\"1\"", int? cutAt = null, bool ranges = true)
    {
        var response = context.Response;
        if (context.Request.Headers.IfMatch is [{ } wanted] && wanted != etag)
        {
            response.StatusCode = 412;
            return;
        }

        var from = ranges && context.Request.GetTypedHeaders().Range?.Ranges.Single().From is { } begin ? (int)begin : 0;
        response.Headers.ETag = etag;
        response.ContentLength = content.Length - from;
        if (from > 0)
        {
            response.StatusCode = 206;
            response.Headers.ContentRange = new ContentRangeHeaderValue(from, content.Length - 1, content.Length).ToString();
        }

        await response.Body.WriteAsync(content.AsMemory(from, Math.Min(cutAt ?? int.MaxValue, content.Length - from)), context.RequestAborted);
        // An answer that is shorter than was said ends with its connection, once all that was written has been sent.
    }

    /// <summary>An answer whose connection breaks after a beginning that arrives.</summary>
    public static Task Cut(HttpContext context, string beginning)
    {
        context.Response.ContentLength = 1_000_000;
        return context.Response.WriteAsync(beginning);
    }

    public static async Task<byte[]> All(Stream body, CancellationToken cancel)
    {
        using var all = new MemoryStream();
        await body.CopyToAsync(all, cancel);
        return all.ToArray();
    }
}
