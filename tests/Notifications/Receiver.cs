using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Serverless.Tests.Support;

namespace Serverless.Tests.Notifications;

sealed record Received(string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Id => Headers["webhook-id"];

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;
}

/// <summary>A server that receives notices, and answers what it is told to: 204, unless a path has other plans.</summary>
sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<int>> plans = new();
    private readonly ConcurrentQueue<Received> received = new();

    /// <summary>Completed while requests are answered at all.</summary>
    public TaskCompletionSource Answers { get; set; } = Completed();

    /// <summary>What an answer that is no success says of when to try again; null: nothing.</summary>
    public string? RetryAfter { get; set; }

    private Receiver()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        app = builder.Build();
        app.Run(Take);
    }

    public Uri Address => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public IReadOnlyList<Received> All => [.. received];

    public static async Task<Receiver> Start()
    {
        var receiver = new Receiver();
        await receiver.app.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }

    public string Url(string path) => new Uri(Address, path).ToString();

    /// <summary>The next requests to a path are answered so.</summary>
    public void Plan(string path, params int[] statuses) => plans[path] = new(statuses);

    public List<Received> At(string path) => [.. received.Where(request => request.Path == path)];

    public Task Asked(int times) =>
        Eventually.True(() => received.Count >= times, TimeSpan.FromMinutes(1), () => $"{received.Count} requests came, not {times}");

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private async Task Take(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var path = context.Request.Path.Value!;
        received.Enqueue(
            new(path, context.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString()),
                body.ToArray()));
        await Answers.Task.WaitAsync(context.RequestAborted);
        context.Response.StatusCode = plans.TryGetValue(path, out var plan) && plan.TryDequeue(out var status)
            ? status
            : StatusCodes.Status204NoContent;
        if (context.Response.StatusCode is >= 300 and < 400) context.Response.Headers.Location = "/elsewhere";
        if (context.Response.StatusCode >= 400 && RetryAfter is { } wait) context.Response.Headers.RetryAfter = wait;
        if (context.Response.StatusCode >= 400) await context.Response.WriteAsync("no such channel");
    }
}
