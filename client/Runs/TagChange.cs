namespace Serverless.Client;

/// <summary>Body of <c>POST /api/runs/{id}/tags</c>.</summary>
/// <param name="Add">Tags that the run is to have as well.</param>
/// <param name="Remove">Tags that it is not to have any more.</param>
public sealed record TagChange(IReadOnlyList<string>? Add = null, IReadOnlyList<string>? Remove = null);
