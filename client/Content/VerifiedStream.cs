using System.Security.Cryptography;

namespace Serverless.Client;

/// <summary>The bytes are not those that their hash names.</summary>
public sealed class ContentMismatchException(
    string actual, string what) : Exception($"{what} has the SHA-256 {actual}, which is not what it was said to be")
{
    public string Actual => actual;
}

/// <summary>A body that fails at its end when it was not what it should be, before a store has committed it.</summary>
/// <param name="what">The body, for people.</param>
/// <param name="lengthBytes">Of the body, when it is known: then it fails in the place of its last bytes, before anybody has all of them.</param>
internal sealed class VerifiedStream(Stream inner, string sha256, string what = "the content", long? lengthBytes = null) : ForwardStream
{
    private long seen;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Stores may wrap what a body throws; here it is as it was.</summary>
    public ContentMismatchException? Mismatch { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        Seen(buffer.Span[..read], buffer.Length);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = inner.Read(buffer, offset, count);
        Seen(buffer.AsSpan(offset, read), count);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            hash.Dispose();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Seen(ReadOnlySpan<byte> bytes, int asked)
    {
        hash.AppendData(bytes);
        seen += bytes.Length;
        var isEnd = bytes.Length == 0 ? asked > 0 : seen >= lengthBytes;
        if (isEnd && Convert.ToHexStringLower(hash.GetCurrentHash()) is var actual && actual != sha256) throw Mismatch = new(actual, what);
    }
}
