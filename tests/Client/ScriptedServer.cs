using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Serverless.Tests.Client;

/// <summary>A request as it came.</summary>
sealed record Asked(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string? this[string header] => Headers.GetValueOrDefault(header);
}

/// <summary>A real server on loopback that answers as it is told, and may break connections where it likes.</summary>
sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<Asked> asked = [];

    private ScriptedServer(WebApplication app) => this.app = app;

    /// <summary>All requests but those that ask for its health.</summary>
    public IReadOnlyList<Asked> Requests => [.. asked.Where(one => one.Path != "/api/health")];

    public IReadOnlyList<Asked> Probes => [.. asked.Where(one => one.Path == "/api/health")];

    public Uri Address => new(app.Urls.Single());

    /// <param name="answer">Is told which request it is, from 1 on.</param>
    public static async Task<ScriptedServer> Start(Func<HttpContext, int, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        Microsoft.AspNetCore.Hosting.WebHostBuilderKestrelExtensions.ConfigureKestrel(
            builder.WebHost, kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new ScriptedServer(app);
        app.Run(async context =>
        {
            using var body = new StreamReader(context.Request.Body);
            server.asked.Enqueue(new(
                context.Request.Method, context.Request.Path, context.Request.QueryString.Value ?? "",
                context.Request.Headers.ToDictionary(one => one.Key, one => one.Value.ToString(), StringComparer.OrdinalIgnoreCase),
                await body.ReadToEndAsync(context.RequestAborted)));
            await answer(context, server.Requests.Count);
        });
        await app.StartAsync();
        return server;
    }

    /// <summary>A client of it that does not wait between its tries.</summary>
    public ServerlessClient Client(string? key = null, RetryOptions? retry = null, InstantTime? time = null) => new(new ServerlessClientOptions
    {
        Address = Address, Key = key is null ? null : _ => new(key), Time = time ?? new(), Patience = Timeout.InfiniteTimeSpan,
        Retry = retry ?? new(),
    });

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}

/// <summary>Time in which whatever is waited for is over at once, and written down.</summary>
sealed class InstantTime : TimeProvider
{
    private long ahead;

    public ConcurrentQueue<TimeSpan> Waits { get; } = [];

    public void Pass(TimeSpan time) => Interlocked.Add(ref ahead, (long)(time.TotalSeconds * TimestampFrequency));

    public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref ahead);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime > TimeSpan.Zero) Waits.Enqueue(dueTime);
        return base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? TimeSpan.Zero : dueTime, period);
    }
}
