using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Serverless.Client.Http;

namespace Serverless.Client;

/// <summary>
/// The platform's HTTP API with types. For several threads. Whatever goes wrong is an <see cref="ApiException"/>; what may be sent twice is sent
/// again when it failed for a moment
/// (<see cref="RetryOptions"/>).
/// </summary>
public sealed partial class ServerlessClient : IDisposable
{
    private readonly ServerlessClientOptions options;
    private readonly HttpClient http;
    private readonly AnswerWatch answers;
    private readonly Retrying retries;

    /// <summary>A client with the usual patience.</summary>
    /// <param name="address">The platform's, such as <c>http://127.0.0.1:4590</c>.</param>
    /// <param name="key">Null: only what needs none can be asked.</param>
    public ServerlessClient(Uri address, string? key) : this(new() { Address = address, Key = key is null ? null : _ => new(key) }) { }

    /// <summary>A client with options.</summary>
    public ServerlessClient(ServerlessClientOptions options)
    {
        this.options = options;
        var address = options.Address.AbsoluteUri;
        http = new(options.Handler ?? Handler(options.Address))
        {
            BaseAddress = new(address.EndsWith('/') ? address : address + "/"),

            // Answers may follow a run for hours; a connection that nobody accepts has its own limit, and a platform that answers nothing is noticed.
            Timeout = Timeout.InfiniteTimeSpan,
        };
        answers = new(http, options);
        retries = new(options.Retry, options.Time);
    }

    /// <summary>The platform's address.</summary>
    public Uri Address => options.Address;

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static HttpMessageHandler Handler(Uri address) => OperatingSystem.IsBrowser()
        ? new HttpClientHandler()
        : new SocketsHttpHandler
        {
            UseProxy = !address.IsLoopback, AutomaticDecompression = DecompressionMethods.All, ConnectTimeout = TimeSpan.FromSeconds(10),
        };

    private Task<T> Get<T>(string path, CancellationToken cancel) => Send<T>(Call.Get(path), cancel);

    /// <summary>Sends, and reads the answer's JSON.</summary>
    private Task<T> Send<T>(Call call, CancellationToken cancel) => retries.Run(async stop =>
    {
        // What the first answer of a type needs is compiled while the platform works on it.
        var shape = Task.Run(ApiJson.Of<T>, stop);
        using var response = await SendOnce(call, stop);
        try
        {
            var answer = await Bounded.Read(response.Content, Bounded.MostAnswerBytes, stop);
            return Understood(answer, await shape);
        }
        catch (Exception e) when (BodyStream.IsBreak(e, stop))
        {
            throw BodyStream.Broken(e);
        }
    }, IsRepeatable(call), cancel);

    /// <summary>Sends; the answer has nothing in it.</summary>
    private Task Do(Call call, CancellationToken cancel)
    {
        var isFirst = true;
        return retries.Run(async stop =>
        {
            var wasSent = !isFirst;
            isFirst = false;
            try
            {
                (await SendOnce(call, stop)).Dispose();
            }
            catch (ApiException e) when (wasSent && call.Method == HttpMethod.Delete && e.Fault == ApiFault.NotFound)
            {
                // It was deleted by the request whose answer was lost.
            }

            return true;
        }, IsRepeatable(call), cancel);
    }

    /// <summary>Sends; the answer's body is read as it comes.</summary>
    /// <param name="resumes">It goes on after a break: only what is checked as a whole at its end, or is the same as long as its ETag is.</param>
    /// <param name="isVerified">Its hash is checked by whoever reads it.</param>
    private async Task<Stream> Open(string path, bool resumes, bool isVerified, CancellationToken cancel)
    {
        var response = await retries.Run(stop => SendOnce(Call.Get(path), stop), isRepeatable: true, cancel);

        var etag = !isVerified && response.Headers.ETag is { IsWeak: false, Tag: var tag } ? tag : null;
        var canResume = resumes && (isVerified || etag is not null);
        return await BodyStream.Of(
            response, canResume ? Rest : null, Math.Max(1, retries.Most), cancel);

        Task<HttpResponseMessage> Rest(long from, CancellationToken again) =>
            retries.Run(stop => SendOnce(Call.Get(path) with { From = from, IfMatch = etag }, stop), isRepeatable: true, again);
    }

    private static bool IsRepeatable(Call call) => call.IsRepeatable || call.IdempotencyKey is not null;

    /// <summary>A successful answer whose body has not been read.</summary>
    /// <exception cref="ApiException">It was none.</exception>
    private async Task<HttpResponseMessage> SendOnce(Call call, CancellationToken cancel)
    {
        using var request = call.ToRequest();
        var isElsewhere = request.RequestUri!.IsAbsoluteUri;
        if (!isElsewhere && options.Key is { } ask && await ask(cancel) is { } key) request.Headers.Authorization = new("Bearer", Checked(key));
        HttpResponseMessage response;
        try
        {
            response = await (isElsewhere ? Sent(cancel) : answers.Await(Sent, cancel));
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
        using (response) throw await ApiFaults.Of(response, Address, options.Time, cancel);

        Task<HttpResponseMessage> Sent(CancellationToken stop) => http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
    }

    private ApiException Unreachable(Exception e) => new(ApiFault.Unreachable, $"cannot reach the platform at {Address}", e);

    private T Understood<T>(byte[] answer, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, type) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new ApiException(
                ApiFault.NotThePlatform,
                $"{Address} answered what is not the platform's JSON; is it the platform, and of the same version? ({e.Message})", e);
        }
    }

    private static string Checked(string key) =>
        key.Any(c => c is <= ' ' or > '~') ? throw new ApiException(ApiFault.Unauthorized, "the key has characters that no key has") : key;

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

    private static string Forced(bool force) => Query(("force", force ? "true" : null));

    private static string? Text(MetricSource? source) => source is { } one ? EnumNames.Of(one) : null;

    private static string? Text(long? number) => number?.ToString(CultureInfo.InvariantCulture);
}
