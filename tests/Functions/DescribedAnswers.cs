using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;

namespace Serverless.Tests.Functions;

/// <summary>Looks at every answer that a test gets: it must be one that the API's description announces, or the request fails.</summary>
/// <param name="seen">Operations and the statuses that they answered.</param>
sealed class DescribedAnswers(
    ConcurrentDictionary<(string Operation, HttpStatusCode Status), bool> seen) : DelegatingHandler(new SocketsHttpHandler())
{
    private static readonly SemaphoreSlim Once = new(1);
    private static ApiDescription? description;

    private async Task<ApiDescription> Description(Uri platform, CancellationToken cancel)
    {
        if (description is not null) return description;
        await Once.WaitAsync(cancel);
        try
        {
            if (description is not null) return description;
            using var answer = await base.SendAsync(new(HttpMethod.Get, new Uri(platform, "/api/openapi.json")), cancel);
            return description = new(JsonElement.Parse(await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(cancel)));
        }
        finally
        {
            Once.Release();
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var described = await Description(request.RequestUri!, cancellationToken);
        var answer = await base.SendAsync(request, cancellationToken);
        if (described.Find(request.Method, request.RequestUri!.AbsolutePath) is not { } operation) return answer;
        var type = answer.Content.Headers.ContentType?.MediaType;
        var body = type is not null && type.EndsWith("json", StringComparison.Ordinal) ? await Text(answer, cancellationToken) : null;

        // What is no request at all the server itself refuses, and says nothing of it.
        if (answer is { StatusCode: HttpStatusCode.BadRequest, Headers.ConnectionClose: true } && type is null) return answer;
        var problems = described.Problems(operation, request.Method, answer.StatusCode, type, body).ToList();
        var name = operation.GetProperty("operationId").GetString()!;
        Assert.True(
            problems.Count == 0,
            $"{name}, {request.Method} {request.RequestUri.PathAndQuery} answered {(int)answer.StatusCode} and not what the API's description " +
            $"says: {string.Join("; ", problems)}");
        seen[(name, answer.StatusCode)] = true;
        return answer;
    }

    /// <summary>Null: the answer was cut short, which is for the test to see.</summary>
    private static async Task<string?> Text(HttpResponseMessage answer, CancellationToken cancel)
    {
        try
        {
            await answer.Content.LoadIntoBufferAsync(cancel);
            return await answer.Content.ReadAsStringAsync(cancel);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
