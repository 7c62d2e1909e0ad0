namespace Serverless.Client.Http;

/// <summary>
/// An answer is as long as whoever is at the address makes it, and that may not be the platform: nothing is read into memory without a limit.
/// </summary>
static class Bounded
{
    /// <summary>No answer of the platform that is one JSON text is nearly as long, and no line or event of one.</summary>
    public const int MostAnswerBytes = 256 << 20, MostProblemBytes = 4 << 20, MostPartBytes = 16 << 20;

    /// <exception cref="ApiException">The answer is longer.</exception>
    public static async Task<byte[]> Read(HttpContent answer, int mostBytes, CancellationToken cancel)
    {
        try
        {
            await answer.LoadIntoBufferAsync(mostBytes, cancel);
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw TooLong($"more than {mostBytes >> 20} MiB");
        }

        return await answer.ReadAsByteArrayAsync(cancel);
    }

    public static Stream Lines(Stream body) => new Parts(body, 1);

    /// <summary>Server-sent events, which end with an empty line.</summary>
    public static Stream Events(Stream body) => new Parts(body, 2);

    private static ApiException TooLong(string what) => new(ApiFault.NotThePlatform, $"{what} were answered without an end; is it the platform?");

    /// <summary>The same bytes, until one part is too long.</summary>
    /// <param name="lineFeeds">That many in a row end a part.</param>
    private sealed class Parts(Stream body, int lineFeeds) : ForwardStream
    {
        private long length;
        private int feeds;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            Count(buffer.Span[..read]);
            return length <= MostPartBytes ? read : throw TooLong($"{MostPartBytes >> 20} MiB of one line or event");
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) body.Dispose();
            base.Dispose(disposing);
        }

        private void Count(ReadOnlySpan<byte> bytes)
        {
            while (bytes.IndexOf((byte)'\n') is >= 0 and var at)
            {
                feeds = at == 0 ? feeds + 1 : 1;
                length = feeds >= lineFeeds ? 0 : length + at + 1;
                bytes = bytes[(at + 1)..];
            }

            if (bytes.Length > 0) feeds = 0;
            length += bytes.Length;
        }
    }
}
