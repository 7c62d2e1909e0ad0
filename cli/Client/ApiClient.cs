using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Serverless.Core.Api;

namespace Serverless.Cli.Client;

/// <summary>The HTTP API with types. Whatever goes wrong becomes an <see cref="ExpException"/> whose one line says what to do.</summary>
sealed partial class ApiClient : IDisposable
{
    private readonly Connection connection;
    private readonly HttpClient http;
    private readonly Lazy<HttpClient> elsewhere;
    private readonly AnswerWatch answers;

    public ApiClient(Connection connection)
    {
        this.connection = connection;
        http = Client();
        http.BaseAddress = connection.Address;
        elsewhere = new(Client);
        answers = new(http, connection.Address, TimeProvider.System);
        if (connection.Key is not { } key) return;
        if (key.Any(c => c is <= ' ' or > '~'))
        {
            throw ExpException.Usage($"the key for {connection.Source} has characters that no key has; set EXP_KEY to one, or put back what it was read from");
        }

        http.DefaultRequestHeaders.Authorization = new("Bearer", key);
    }

    public Uri Address => connection.Address;

    public void Dispose()
    {
        http.Dispose();
        if (elsewhere.IsValueCreated) elsewhere.Value.Dispose();
    }

    private HttpClient Client() =>
        new(new SocketsHttpHandler { UseProxy = !connection.Address.IsLoopback, AutomaticDecompression = DecompressionMethods.All, ConnectTimeout = TimeSpan.FromSeconds(10) })
        {
            // Answers may follow a run for hours; a connection that nobody accepts has its own limit above.
            Timeout = Timeout.InfiniteTimeSpan,
        };

    private Task<T> Get<T>(string path, CancellationToken cancel) => Send<T>(HttpMethod.Get, path, null, cancel);

    private async Task<T> Send<T>(HttpMethod method, string path, HttpContent? body, CancellationToken cancel)
    {
        // What the first answer of a type needs is compiled while the platform works on it.
        var shape = Task.Run(() => (JsonTypeInfo<T>)ApiJson.Answers.GetTypeInfo(typeof(T)), cancel);
        using var response = await Send(method, path, body, cancel);
        try
        {
            var answer = await response.Content.ReadAsByteArrayAsync(cancel);
            var type = await shape;
            return Understood(answer, type);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(e);
        }
    }

    private T Understood<T>(ReadOnlySpan<byte> answer, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, type) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new ExpException(ExitCode.Unreachable, $"{connection.Address} answered what is not the platform's JSON; is it the platform, and of the same version? ({e.Message})", inner: e);
        }
    }

    /// <summary>A successful answer whose body has not been read.</summary>
    private async Task<HttpResponseMessage> Send(HttpMethod method, string path, HttpContent? body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        return await Send(request, cancel);
    }

    private Task<HttpResponseMessage> Send(HttpRequestMessage request, CancellationToken cancel) => Send(http, request, cancel);

    private async Task<HttpResponseMessage> Send(HttpClient client, HttpRequestMessage request, CancellationToken cancel)
    {
        HttpResponseMessage response;
        try
        {
            response = await (client == http ? answers.Await(Sent, cancel) : Sent(cancel));
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Unreachable(e);
        }

        if (response.IsSuccessStatusCode) return response;
        using (response) throw await Refusal(response, cancel);

        Task<HttpResponseMessage> Sent(CancellationToken stop) => client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
    }

    private ExpException Unreachable(Exception e)
    {
        var where = connection.Source is "EXP_URL" || connection.IsProfile ? $"{connection.Address} ({connection.Source})" : $"{connection.Address}";
        return new(ExitCode.Unreachable, $"cannot reach the platform at {where}; {(connection.Address.IsLoopback ? "start it with: exp up" : "is the address right?")}", inner: e);
    }

    private async Task<ExpException> Refusal(HttpResponseMessage response, CancellationToken cancel)
    {
        var problem = await ReadProblem(response, cancel);
        var said = problem?.Problems is [var only] ? only.ToString() : problem?.Detail ?? problem?.Title ?? $"{connection.Address} answered {(int)response.StatusCode} {response.ReasonPhrase}";
        var lines = problem?.Problems is { Count: > 1 } several ? several.Select(one => one.ToString()).ToList() : null;
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized when connection.IsProfile => new(
                ExitCode.NotAllowed, $"{connection.Address} does not let {connection.Source} in ({said}); log in again: exp login --{connection.Source}"),
            HttpStatusCode.Unauthorized => new(ExitCode.NotAllowed, connection.Key is null
                ? $"{connection.Address} wants a key; set EXP_KEY"
                : $"{connection.Address} does not know this key; set EXP_KEY to one that an admin made with: exp keys add NAME"),
            HttpStatusCode.Forbidden => new(ExitCode.NotAllowed, said),
            HttpStatusCode.NotFound => new(ExitCode.NotFound, said),
            >= HttpStatusCode.InternalServerError and not HttpStatusCode.NotImplemented => new(ExitCode.Unreachable, said, lines),
            _ => new(ExitCode.Usage, said, lines),
        };
    }

    private static async Task<ProblemDetails?> ReadProblem(HttpResponseMessage response, CancellationToken cancel)
    {
        if (response.Content.Headers.ContentType?.MediaType is not ("application/problem+json" or "application/json")) return null;
        try
        {
            return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(cancel), (JsonTypeInfo<ProblemDetails>)ApiJson.Options.GetTypeInfo(typeof(ProblemDetails)));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ByteArrayContent Json<T>(T value) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, (JsonTypeInfo<T>)ApiJson.Options.GetTypeInfo(typeof(T)))) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    private static string Escaped(string segment) => Uri.EscapeDataString(segment);

    /// <summary>Each segment escaped, the slashes kept.</summary>
    private static string EscapedPath(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    private static string Query(params ReadOnlySpan<(string Name, string? Value)> all)
    {
        var text = "";
        foreach (var (name, value) in all)
        {
            if (value is not null) text += $"{(text.Length == 0 ? '?' : '&')}{name}={Escaped(value)}";
        }

        return text;
    }
}
