using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Serverless.Functions.Http;

/// <summary>A small body: its text, and the SHA-256 of its bytes in lower-case hexadecimal.</summary>
sealed record TextBody(string Text, string Sha256);

static class Bodies
{
    /// <summary>Of what is read into memory, unless a function says otherwise: specs, tags, keys.</summary>
    public const int SmallBytes = 1024 * 1024;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    extension(HttpRequest request)
    {
        /// <summary>The body as a stream that ends with 413 once it is longer than the limit, declared or not.</summary>
        /// <exception cref="RequestException">It is too large, or only a part, or something else than what is to be stored.</exception>
        public Stream BodyUpTo(long limitBytes)
        {
            if (request.Headers.ContentRange.Count > 0)
            {
                throw new RequestException(
                    StatusCodes.Status400BadRequest, "Content-Range: a part of something cannot be written; send the whole of it");
            }

            if (request.Headers.ContentEncoding is [{ Length: > 0 } coding, ..] && !coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            {
                throw new RequestException(
                    StatusCodes.Status400BadRequest, $"Content-Encoding: {coding} is not undone here; send the body as it is to be read");
            }

            return request.ContentLength > limitBytes ? throw BoundedBody.TooLarge(limitBytes) : new BoundedBody(request.Body, limitBytes);
        }

        public async Task<TextBody> Text(long limitBytes = SmallBytes)
        {
            using var memory = new MemoryStream(request.ContentLength is > 0 and <= SmallBytes ? (int)request.ContentLength : 0);
            await request.BodyUpTo(limitBytes).CopyToAsync(memory, request.HttpContext.RequestAborted);
            var bytes = memory.GetBuffer().AsSpan(0, (int)memory.Length);
            try
            {
                return new(Strict.GetString(bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[3..] : bytes),
                    Convert.ToHexStringLower(SHA256.HashData(bytes)));
            }
            catch (DecoderFallbackException)
            {
                throw new RequestException(StatusCodes.Status400BadRequest, "the body is not UTF-8 text");
            }
        }

        public async Task<T> Json<T>(long limitBytes = SmallBytes) => RequestJson.Read<T>((await request.Text(limitBytes)).Text);
    }
}

sealed class BoundedBody(Stream body, long limitBytes) : ForwardStream
{
    private long taken;

    public static RequestException TooLarge(long limitBytes) =>
        new(StatusCodes.Status413PayloadTooLarge, $"the body is larger than the limit of {limitBytes} bytes");

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await body.ReadAsync(buffer, cancellationToken));

    private int Count(int read) => (taken += read) > limitBytes ? throw TooLarge(limitBytes) : read;
}
