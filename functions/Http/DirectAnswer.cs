using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.Functions.Http;

/// <summary>
/// Large bodies go past this API where the store lets them: its requests may be limited in time and size, and every byte would be paid for twice.
/// Where the store does not, the answers say so in the same shape, and clients need to know only one way.
/// </summary>
static class DirectAnswer
{
    private const int LinksAtOnce = 16;

    /// <summary>A redirection, when it was asked for and the store can; else null.</summary>
    public static async Task<IActionResult?> ToRead(HttpRequest request, IObjectStore store, string key, ApiLimits limits)
    {
        if (!QueryParameters.Direct.Of(request) || !HttpMethods.IsGet(request.Method) || Of(store, limits) is not { } direct) return null;

        // Whatever is conditional is answered here; that an object is missing, too.
        if (Preconditions.Of(request).Any || request.Headers.IfRange.Count > 0
            || (await store.Head(key, request.HttpContext.RequestAborted)).Value is null)
        {
            return null;
        }

        var link = await direct.LinkToRead(key, limits.DirectLinks, request.HttpContext.RequestAborted);
        return Answer.Status(StatusCodes.Status307TemporaryRedirect, to =>
        {
            to.Location = link.Url.AbsoluteUri;
            to.CacheControl = "no-store";
        });
    }

    /// <param name="store">One that cannot take it itself has it sent to this very address.</param>
    public static async Task<IActionResult> ToWrite(HttpRequest request, IObjectStore store, string key, ApiLimits limits)
    {
        if (Of(store, limits) is not { } direct)
        {
            return Answer.Json(
                new UploadPlace(
                    "PUT", request.PathBase + request.Path.ToUriComponent(), new Dictionary<string, string>(), Direct: false, Expires: null));
        }

        var link = await direct.LinkToWrite(key, limits.DirectLinks, request.HttpContext.RequestAborted);
        return Answer.Json(
            new UploadPlace("PUT", link.Url.AbsoluteUri, link.Headers, Direct: true, link.Expires), headers => headers.CacheControl = "no-store");
    }

    /// <summary>What was sent to a place that <see cref="ToWrite"/> named.</summary>
    /// <exception cref="RequestException">Nothing was sent, or it is too large.</exception>
    public static async Task<Stream> Uploaded(IObjectStore store, string key, long limitBytes, CancellationToken cancel)
    {
        var reading = await store.Open(key, cancel: cancel)
            ?? throw new RequestException(
                StatusCodes.Status404NotFound, "nothing was sent to the store; ask where to with POST, or send it as the body");
        if (reading.Object.LengthBytes <= limitBytes) return reading.Body;
        await reading.DisposeAsync();
        throw BoundedBody.TooLarge(limitBytes);
    }

    public static async Task<FilePieces> Pieces(IObjectStore store, CheckpointFile file, ApiLimits limits, CancellationToken cancel)
    {
        if (Of(store, limits) is not { } direct) return new([]);
        var pieces = new FilePiece[file.Chunks.Count];
        var several = new ParallelOptions { MaxDegreeOfParallelism = LinksAtOnce, CancellationToken = cancel };
        await Parallel.ForAsync(0, pieces.Length, several, async (i, stop) =>
            pieces[i] = new((await direct.LinkToRead(file.Chunks[i].Key, limits.DirectLinks, stop)).Url.AbsoluteUri, file.Chunks[i].LengthBytes));
        return new(pieces);
    }

    private static IDirectTransfer? Of(IObjectStore store, ApiLimits limits) => limits.DirectLinks > TimeSpan.Zero ? store as IDirectTransfer : null;
}
