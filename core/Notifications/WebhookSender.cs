using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Serverless.Core.Notifications;

/// <param name="AllowPrivate">
/// Whether requests may go to this machine and to private networks, and unencrypted: on one's own
/// machine yes; in a cloud they could reach what only the platform may.
/// </param>
public sealed record WebhookOptions(bool AllowPrivate = false);

/// <summary>What one request came to.</summary>
/// <param name="Status">The answer's, when there was one.</param>
/// <param name="Problem">Null: it was taken.</param>
/// <param name="RetryAfter">When the receiver said how long to wait.</param>
public sealed record WebhookAnswer(HttpStatusCode? Status, TimeSpan Took, string? Problem, TimeSpan? RetryAfter = null)
{
    public bool WasTaken => Problem is null;

    /// <summary>Nothing came back in time.</summary>
    public bool IsSilence { get; init; }

    /// <summary>The receiver wants no more of these, ever.</summary>
    public bool IsGone => Status == HttpStatusCode.Gone;
}

/// <summary>
/// Sends one request and says what came of it. Redirects are not followed and no proxy is asked:
/// the address that was checked is the one that gets the notice.
/// </summary>
public sealed class WebhookSender : IDisposable
{
    /// <summary>How long an answer is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private const int MostOfAnswer = 300;

    private readonly TimeProvider time;
    private readonly HttpClient http;

    public WebhookSender(WebhookOptions options, TimeProvider time)
    {
        this.time = time;
        http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            ConnectCallback = (context, cancel) => Connect(context.DnsEndPoint, options.AllowPrivate, cancel),
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.UserAgent.Add(new("Serverless", "1.0"));
    }

    public async Task<WebhookAnswer> Send(Webhook webhook, string id, Notice notice, CancellationToken cancel = default)
    {
        var began = time.GetTimestamp();
        using var late = new CancellationTokenSource(Patience, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancel, late.Token);
        try
        {
            using var request = Request(webhook, id, notice);
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited.Token);
            var problem = response.IsSuccessStatusCode
                ? null
                : $"{(int)response.StatusCode} {response.ReasonPhrase}{await Said(response, limited.Token)}";
            return new(response.StatusCode, time.GetElapsedTime(began), problem, RetryAfter(response.Headers.RetryAfter));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new(null, time.GetElapsedTime(began), $"no answer within {Patience.TotalSeconds:0} s") { IsSilence = true };
        }
        catch (HttpRequestException e)
        {
            var problem = e.InnerException?.Message ?? e.Message;
            if (e.HttpRequestError == HttpRequestError.SecureConnectionError) problem = $"no TLS at this address, which begins with https: {problem}";
            return new(null, time.GetElapsedTime(began), problem);
        }
    }

    public void Dispose() => http.Dispose();

    private HttpRequestMessage Request(Webhook webhook, string id, Notice notice)
    {
        var body = WebhookBody.Of(notice, webhook.Format);
        var now = time.GetUtcNow();
        var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url)
            { Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } } };
        request.Headers.Add(WebhookSignature.IdHeader, id);
        request.Headers.Add(WebhookSignature.TimestampHeader, now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(WebhookSignature.SignatureHeader, WebhookSignature.Of(webhook.Secret, id, now, body));
        return request;
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header) => header switch
    {
        { Delta: { } wait } => wait,
        { Date: { } at } => at - time.GetUtcNow(),
        _ => null,
    };

    /// <summary>The beginning of what the receiver answered, for whoever looks for the reason.</summary>
    private static async Task<string> Said(HttpResponseMessage response, CancellationToken cancel)
    {
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            var bytes = new byte[MostOfAnswer];
            var text = Encoding.UTF8.GetString(bytes, 0, await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancel));
            text = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
            return text.Length == 0 ? "" : $": {text}";
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return "";
        }
    }

    // The address is judged where the connection is made, so that a name which means something else the second time gains nothing.
    private static async ValueTask<Stream> Connect(DnsEndPoint to, bool allowPrivate, CancellationToken cancel)
    {
        var addresses = await Dns.GetHostAddressesAsync(to.Host, cancel);
        if (!allowPrivate && addresses.FirstOrDefault(address => !PublicAddress.Is(address)) is { } inside)
        {
            throw new HttpRequestException($"{to.Host} is {inside}, which is no public address");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, to.Port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
