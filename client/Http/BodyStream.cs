using System.Net;

namespace Serverless.Client.Http;

/// <summary>The body of an answer. When its connection breaks, it goes on where it was, if it can.</summary>
/// <param name="goOn">Asks for the rest from a byte on: an answer with that part, or with the whole again. Null: a break is the end.</param>
/// <param name="mostBreaks">Breaks in a row, without a byte between them, that are survived.</param>
sealed class BodyStream(
    HttpResponseMessage first, Stream body, Func<long, CancellationToken, Task<HttpResponseMessage>>? goOn, int mostBreaks) : ForwardStream
{
    private HttpResponseMessage response = first;
    private Stream body = body;
    private long position;
    private int breaks;

    public override long Position { get => position; set => throw new NotSupportedException(); }

    public static async Task<BodyStream> Of(
        HttpResponseMessage response, Func<long, CancellationToken, Task<HttpResponseMessage>>? goOn, int mostBreaks, CancellationToken cancel) =>
        new(response, await response.Content.ReadAsStreamAsync(cancel), goOn, mostBreaks);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                var read = await body.ReadAsync(buffer, cancellationToken);
                if (read > 0) breaks = 0;
                position += read;
                return read;
            }
            catch (Exception e) when (IsBreak(e, cancellationToken))
            {
                if (goOn is null || ++breaks > mostBreaks) throw Broken(e);
                await GoOn(goOn, cancellationToken);
            }
        }
    }

    /// <summary>A connection that broke while an answer was read.</summary>
    public static bool IsBreak(Exception e, CancellationToken cancel) => e is HttpRequestException or IOException && !cancel.IsCancellationRequested;

    public static ApiException Broken(Exception e) => new(ApiFault.Interrupted, "the connection broke in the middle of the answer; try again", e);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            body.Dispose();
            response.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task GoOn(Func<long, CancellationToken, Task<HttpResponseMessage>> goOn, CancellationToken cancel)
    {
        var next = await goOn(position, cancel);
        response.Dispose();
        response = next;
        body = await next.Content.ReadAsStreamAsync(cancel);
        if (next.StatusCode != HttpStatusCode.PartialContent) await Skip(position, cancel);
        else if (next.Content.Headers.ContentRange?.From != position)
        {
            throw new ApiException(ApiFault.NotThePlatform, $"bytes from {position} on were asked for, others were answered");
        }
    }

    // A break in here is one more of the same place: what is skipped again was read already.
    private async Task Skip(long count, CancellationToken cancel)
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (count > 0 && await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, count)), cancel) is var read and > 0)
            {
                count -= read;
            }
        }
        catch (Exception e) when (IsBreak(e, cancel))
        {
            throw Broken(e);
        }
    }
}
