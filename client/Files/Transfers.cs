namespace Serverless.Client;

/// <summary>The pieces of a large file, in order, each at an address that needs no key.</summary>
/// <param name="Pieces">None: the store does not give them itself, so fetch the file as a whole.</param>
public sealed record FilePieces(IReadOnlyList<FilePiece> Pieces);

public sealed record FilePiece(string Url, long LengthBytes);

/// <summary>Where to send a large body.</summary>
/// <param name="Url">Absolute where the store takes it itself; else a path of this API, which wants the key as always.</param>
/// <param name="Headers">To send along as they are.</param>
/// <param name="Direct">The store takes it itself: no key, and whoever has the address can write.</param>
/// <param name="Expires">When the address stops working.</param>
public sealed record UploadPlace(string Method, string Url, IReadOnlyDictionary<string, string> Headers, bool Direct, DateTimeOffset? Expires);

/// <summary>Answer of <c>PUT /api/code/{sha256}</c>.</summary>
public sealed record CodeStored(string Sha256, string Tree, int Files, long LengthBytes);
