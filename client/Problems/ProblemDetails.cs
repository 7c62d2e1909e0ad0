namespace Serverless.Client;

/// <summary>RFC 9457. <paramref name="Problems"/> lists everything that is wrong with a request, each with its path.</summary>
public sealed record ProblemDetails(string Title, int Status, string? Detail = null, IReadOnlyList<Problem>? Problems = null, string? Type = null);
