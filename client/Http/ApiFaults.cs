using System.Net;
using System.Text.Json;

namespace Serverless.Client.Http;

/// <summary>Answers that are no success, as exceptions.</summary>
static class ApiFaults
{
    public static ApiFault Of(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized => ApiFault.Unauthorized,
        HttpStatusCode.Forbidden => ApiFault.Forbidden,
        HttpStatusCode.NotFound => ApiFault.NotFound,
        HttpStatusCode.NotImplemented => ApiFault.Unsupported,
        HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests => ApiFault.Unavailable,
        HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => ApiFault.Unavailable,
        >= HttpStatusCode.InternalServerError => ApiFault.Failed,
        _ => ApiFault.Refused,
    };

    public static async Task<ApiException> Of(HttpResponseMessage response, Uri address, TimeProvider time, CancellationToken cancel)
    {
        var problem = await Problem(response, cancel);
        var said = problem?.Problems is [var only] ? only.ToString() : problem?.Detail ?? problem?.Title;
        return new(Of(response.StatusCode), said ?? $"{address} answered {(int)response.StatusCode} {response.ReasonPhrase}")
        {
            Status = response.StatusCode,
            Problems = problem?.Problems ?? [],
            RetryAfter = response.Headers.RetryAfter is { } wait ? wait.Delta ?? Left(wait.Date - time.GetUtcNow()) : null,
        };
    }

    private static TimeSpan Left(TimeSpan? until) => until is { } left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    private static async Task<ProblemDetails?> Problem(HttpResponseMessage response, CancellationToken cancel)
    {
        if (response.Content.Headers.ContentType?.MediaType is not ("application/problem+json" or "application/json")) return null;
        try
        {
            return JsonSerializer.Deserialize(await Bounded.Read(response.Content, Bounded.MostProblemBytes, cancel), ApiJson.Of<ProblemDetails>());
        }
        catch (Exception e) when (e is JsonException or ApiException || BodyStream.IsBreak(e, cancel))
        {
            return null;
        }
    }
}
