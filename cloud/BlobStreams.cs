using Serverless.Core.Storage;

namespace Serverless.Cloud;

internal abstract class BlobStream(Stream inner) : ForwardStream
{
    protected Stream Inner { get; } = inner;

    // The SDK reads what it sends by either way.
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
}

/// <summary>A body on its way up, of which nobody knew the length.</summary>
internal sealed class CountedBody(Stream inner) : BlobStream(inner)
{
    public long LengthBytes { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await Inner.ReadAsync(buffer, cancellationToken);
        LengthBytes += read;
        return read;
    }
}

/// <summary>A body on its way down. What breaks on the way is the port's error.</summary>
internal sealed class BlobBody(Stream inner, string container) : BlobStream(inner)
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await Inner.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (BlobFaults.Of(e, container, cancellationToken) is { } fault)
        {
            throw fault;
        }
        catch (IOException e)
        {
            throw new StoreUnavailableException($"the connection to container {container} broke: {e.Message}", e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) Inner.Dispose();
        base.Dispose(disposing);
    }
}
