namespace Serverless.Client;

/// <summary>What lies in pieces, read from its beginning to its end; each piece is opened when the one before it is used up.</summary>
public sealed class JoinedStream(IReadOnlyList<Func<CancellationToken, Task<Stream>>> pieces) : ForwardStream
{
    private Stream current = Null;
    private int next;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        while ((read = await current.ReadAsync(buffer, cancellationToken)) == 0 && !buffer.IsEmpty && next < pieces.Count)
        {
            await current.DisposeAsync();
            current = await pieces[next++](cancellationToken);
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) current.Dispose();
        base.Dispose(disposing);
    }
}
