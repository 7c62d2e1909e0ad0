namespace Serverless.Core.Storage;

/// <summary>What a record says of an object's content.</summary>
/// <param name="Sha256">Empty: not known yet, as it is still being written.</param>
public sealed record KnownContent(long LengthBytes, string Sha256)
{
    private bool IsKnown => Sha256.Length == 64;

    /// <exception cref="InvalidDataException">It has another length: it is damaged, and need not be read.</exception>
    public void CheckLength(string key, long lengthBytes)
    {
        if (IsKnown && lengthBytes != LengthBytes) throw new InvalidDataException($"{key} has {lengthBytes} bytes instead of {LengthBytes}");
    }

    /// <summary>
    /// The same bytes; in the place of the last ones a <see cref="ContentMismatchException"/> when
    /// it is something else, so that nobody takes them for a whole.
    /// </summary>
    public Stream Verified(Stream body, string what) => IsKnown ? new VerifiedStream(body, Sha256, what, LengthBytes) : body;
}
