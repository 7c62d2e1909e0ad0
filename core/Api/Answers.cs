using Serverless.Core.Spec;

namespace Serverless.Core.Api;

// The JSON that the HTTP API answers with, shared by functions/, cli/ and dashboard/. RunRecord, RunSummary and OutputFile are answered as they are.

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

/// <summary><c>GET /api/login</c>; needs no key: how one comes in, besides with one.</summary>
/// <param name="Entra">Null: with a key only.</param>
public sealed record LoginWays(EntraLogin? Entra);

/// <summary>A token of this directory for this application is as good as a key, for the people whom an admin let in.</summary>
public sealed record EntraLogin(Guid Tenant, Guid ClientId);

/// <summary><c>GET /api/health</c>; needs no key.</summary>
public sealed record Health(string Status, string Version);

/// <summary>RFC 9457. <paramref name="Problems"/> lists everything that is wrong with a request, each with its path.</summary>
public sealed record ProblemDetails(string Title, int Status, string? Detail = null, IReadOnlyList<Problem>? Problems = null, string? Type = null);
