namespace Serverless.Client;

/// <summary>Body of <c>POST /api/keys</c>.</summary>
/// <param name="Person">Object id of somebody of the directory whose tokens are taken: they are let in, and no secret is made.</param>
public sealed record NewKey(string? Name, Role Role = Role.Reader, Guid? Person = null);
