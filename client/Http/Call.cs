using System.Net.Http.Headers;
using System.Text.Json;

namespace Serverless.Client.Http;

/// <summary>A request that can be made again, as often as it is sent.</summary>
/// <param name="Path">With its query; relative to the platform's address, or absolute and elsewhere.</param>
sealed record Call(HttpMethod Method, string Path)
{
    /// <summary>Makes the body, anew for each sending.</summary>
    public Func<HttpContent>? Body { get; init; }

    /// <summary>By which the platform recognizes what it has done already.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Sending it twice does what sending it once does.</summary>
    public bool IsRepeatable { get; init; } = Method != HttpMethod.Post;

    public string? Accept { get; init; }

    public string? LastEventId { get; init; }

    /// <summary>Only from this byte on.</summary>
    public long From { get; init; }

    /// <summary>Only while it is of this ETag.</summary>
    public string? IfMatch { get; init; }

    public static Call Get(string path) => new(HttpMethod.Get, path);

    public static Call Put(string path, Func<HttpContent>? body = null) => new(HttpMethod.Put, path) { Body = body };

    public static Call Post(string path, Func<HttpContent>? body = null) => new(HttpMethod.Post, path) { Body = body };

    public static Call Delete(string path) => new(HttpMethod.Delete, path);

    public static Func<HttpContent> Json<T>(T value)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, ApiJson.Of<T>());
        return () => new ByteArrayContent(bytes) { Headers = { ContentType = new("application/json") } };
    }

    public HttpRequestMessage ToRequest()
    {
        var request = new HttpRequestMessage(Method, Path) { Content = Body?.Invoke() };
        if (IdempotencyKey is not null) request.Headers.Add("Idempotency-Key", IdempotencyKey);
        if (Accept is not null) request.Headers.Accept.Add(new(Accept));
        if (LastEventId is not null) request.Headers.Add("Last-Event-ID", LastEventId);
        if (From > 0) request.Headers.Range = new RangeHeaderValue(From, null);
        if (IfMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", IfMatch);
        return request;
    }
}
