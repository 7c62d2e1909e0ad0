using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Net.Http.Headers;
using Serverless.Core.Storage;

namespace Serverless.Functions.Http;

/// <summary>An object of the store as a download: ETag, If-None-Match, one byte range, and a content type after its name.</summary>
static class ObjectAnswer
{
    private static readonly FileExtensionContentTypeProvider ContentTypes = Types();

    /// <param name="missing">Said with 404 when the object is missing.</param>
    /// <param name="known">What it must be, when that is on record: another length is 409 before the
    /// body, other bytes cut a whole body off before its end.</param>
    public static async Task<IActionResult> Of(HttpRequest request, IObjectStore store, string key, string missing, KnownContent? known = null)
    {
        var cancel = request.HttpContext.RequestAborted;
        var headers = request.GetTypedHeaders();
        var isHead = HttpMethods.IsHead(request.Method);
        var preconditions = Preconditions.Of(request);
        var isPartOnlyIf = request.Headers.IfRange.Count > 0;
        var range = headers.Range is { Unit.Value: "bytes", Ranges: { Count: 1 } ranges } && !isHead ? ranges.Single() : null;
        StoredObject? head = null;
        if (isHead || preconditions.Any || isPartOnlyIf || range is { From: null })
        {
            head = (await store.Head(key, cancel)).Value;
            if (head is null) return Answer.NotFound(missing);
            known?.CheckLength(key, head.LengthBytes);
            if (!preconditions.Matches(head.ETag)) return Answer.Problem(StatusCodes.Status412PreconditionFailed, "it is another version");
            if (!preconditions.NoneMatches(head.ETag)) return Answer.Status(StatusCodes.Status304NotModified, to => to.ETag = Quoted(head.ETag));
            if (isPartOnlyIf && !(headers.IfRange?.EntityTag is { IsWeak: false } same && same.Tag == Quoted(head.ETag))) range = null;
            if (isHead) return Answer.Stream(context => Describe(context, head, head.LengthBytes));
        }

        // Without a beginning, the range is the last so many bytes.
        ByteRange? wanted = range switch
        {
            null => null,
            { From: { } from, To: { } to } => new(from, Math.Min(to, long.MaxValue - 1) - from + 1),
            { From: { } from } => new(from, null),
            { To: { } last } => new(Math.Max(0, head!.LengthBytes - last), Math.Min(last, head.LengthBytes)),
            _ => null,
        };
        var reading = await store.Open(key, wanted, cancel);
        if (reading is null) return Answer.NotFound(missing);
        var total = reading.Object.LengthBytes;
        if (known is not null)
        {
            if (total != known.LengthBytes) await reading.DisposeAsync();
            known.CheckLength(key, total);
            if (wanted is null) reading = reading with { Body = known.Verified(reading.Body, key) };
        }

        if (wanted is { } part && part.Offset >= total)
        {
            await reading.DisposeAsync();
            return new ProblemAnswer(
                new(Answer.TitleOf(416), 416, $"the range begins at byte {part.Offset}, the file has {total}"),
                to => to.ContentRange = new ContentRangeHeaderValue(total).ToString());
        }

        return Answer.Stream(context => Send(context, reading, wanted));
    }

    public static string Quoted(string etag) => $"\"{etag}\"";

    public static string ContentTypeOf(string path) => ContentTypes.TryGetContentType(path, out var type) ? type : "application/octet-stream";

    /// <summary>What people's code wrote is shown, but never as a page that could act in the name of this address.</summary>
    public static void Guard(HttpResponse response)
    {
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "sandbox";
    }

    private static Task Describe(HttpContext context, StoredObject stored, long length)
    {
        var response = context.Response;
        response.ContentType = ContentTypeOf(stored.Key);
        response.ContentLength = length;
        response.Headers.ETag = Quoted(stored.ETag);
        response.Headers.LastModified = HeaderUtilities.FormatDate(stored.Modified);
        response.Headers.AcceptRanges = "bytes";
        Guard(response);
        return Task.CompletedTask;
    }

    private static async Task Send(HttpContext context, ObjectReading reading, ByteRange? part)
    {
        await using (reading)
        {
            var total = reading.Object.LengthBytes;
            var length = part is { } range ? Math.Min(range.Length ?? long.MaxValue, total - range.Offset) : total;
            await Describe(context, reading.Object, length);
            if (part is { Offset: var from })
            {
                context.Response.StatusCode = StatusCodes.Status206PartialContent;
                context.Response.Headers.ContentRange = new ContentRangeHeaderValue(from, from + length - 1, total).ToString();
            }

            await reading.Body.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
    }

    private static FileExtensionContentTypeProvider Types()
    {
        var types = new FileExtensionContentTypeProvider();
        foreach (var text in (string[])[".cs", ".py", ".log", ".md", ".yaml", ".yml", ".jsonl"]) types.Mappings[text] = "text/plain; charset=utf-8";
        return types;
    }
}
