namespace Serverless.Core.Storage;

/// <summary>
/// What some stores can do beside <see cref="IObjectStore"/>: let somebody who has no rights of their own read or write one object without passing
/// its bytes through this process. A store that cannot does not implement it, and the bytes come this way.
/// </summary>
public interface IDirectTransfer
{
    /// <summary>Whoever has the link can read the object (or nothing, when it is missing) until the link expires.</summary>
    Task<DirectLink> LinkToRead(string key, TimeSpan lifetime, CancellationToken cancel = default);

    /// <summary>Whoever has the link can write the object, over what is there, until the link expires.</summary>
    Task<DirectLink> LinkToWrite(string key, TimeSpan lifetime, CancellationToken cancel = default);
}

/// <param name="Url">A secret: it is all that is needed.</param>
/// <param name="Headers">To send along as they are.</param>
/// <param name="Expires">By the store's clock.</param>
public sealed record DirectLink(Uri Url, IReadOnlyDictionary<string, string> Headers, DateTimeOffset Expires);
