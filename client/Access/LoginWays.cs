namespace Serverless.Client;

/// <summary><c>GET /api/login</c>; needs no key: how one comes in, besides with one.</summary>
/// <param name="Entra">Null: with a key only.</param>
public sealed record LoginWays(EntraLogin? Entra);

/// <summary>A token of this directory for this application is as good as a key, for the people whom an admin let in.</summary>
public sealed record EntraLogin(Guid Tenant, Guid ClientId);
