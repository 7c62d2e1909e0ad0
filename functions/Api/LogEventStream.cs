using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Serverless.Core;
using Serverless.Core.Logs;

namespace Serverless.Functions.Api;

/// <summary>
/// A log that is followed as Server-Sent Events: <c>log</c> with <c>{"text"}</c> (whole characters; line ends as printed), <c>rewind</c> with
/// <c>{"offset"}</c> when a new attempt goes on from an earlier place, <c>problem</c> with <c>{"text"}</c> when something before it cannot be read,
/// <c>end</c> with <c>{"state","cause"}</c>. Every one of these has an id to resume after. <c>revoked</c> with <c>{"text"}</c> ends the stream when
/// its reader's key no longer opens the workspace.
/// </summary>
static class LogEventStream
{
    /// <param name="until">Ends it between two events.</param>
    /// <param name="revoked">Ends it with an event.</param>
    public static async Task Write(
        HttpContext context, LogReader logs, string runId, LogPosition from, CancellationToken until, CancellationToken revoked)
    {
        using var any = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, until, revoked);
        try
        {
            await Write(context, logs, runId, from, any.Token);
        }
        catch (OperationCanceledException) when (revoked.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            await Send(context, "revoked", null, new LogText("the key that this log was followed with was revoked"));
        }
    }

    private static async Task Write(HttpContext context, LogReader logs, string runId, LogPosition from, CancellationToken cancel)
    {
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        await response.Body.FlushAsync(context.RequestAborted);

        // A character may be cut between two reads: its first bytes wait for the rest, and the id stays before them.
        var rest = Array.Empty<byte>();
        await foreach (var happened in logs.Follow(runId, from, cancel))
        {
            switch (happened)
            {
                case LogEvent.Text text:
                    byte[] bytes = [.. rest, .. text.Bytes];
                    var whole = WholeCharacters(bytes);
                    rest = bytes[whole..];
                    if (whole > 0)
                    {
                        await Send(context, "log", text.After with { Offset = text.After.Offset - rest.Length },
                            new LogText(Encoding.UTF8.GetString(bytes, 0, whole)));
                    }

                    break;
                case LogEvent.Rewound rewound:
                    rest = [];
                    await Send(context, "rewind", rewound.To, new LogRewind(rewound.To.Offset));
                    break;
                case LogEvent.Incomplete incomplete:
                    await Send(
                        context, "problem", incomplete.At with { Offset = incomplete.At.Offset - rest.Length }, new LogText(incomplete.Problem));
                    break;
                case LogEvent.Ended ended:
                    if (rest.Length > 0) await Send(context, "log", ended.At, new LogText(Encoding.UTF8.GetString(rest)));
                    await Send(context, "end", ended.At, new LogEnd(ended.State, ended.Cause));
                    break;
            }
        }
    }

    private static async Task Send<T>(HttpContext context, string name, LogPosition? position, T data)
    {
        var id = position is { } place ? $"id: {place}\n" : "";
        await context.Response.WriteAsync($"{id}event: {name}\ndata: {JsonSerializer.Serialize(data, CoreJson.Options)}\n\n", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    /// <summary>How many bytes hold whole characters: all but the beginning of a character at the end.</summary>
    private static int WholeCharacters(ReadOnlySpan<byte> bytes)
    {
        for (var back = 1; back <= Math.Min(3, bytes.Length); back++)
        {
            var b = bytes[^back];
            if ((b & 0b1100_0000) == 0b1000_0000) continue;
            var needs = b >= 0b1111_0000 ? 4 : b >= 0b1110_0000 ? 3 : b >= 0b1100_0000 ? 2 : 1;
            return needs > back ? bytes.Length - back : bytes.Length;
        }

        return bytes.Length;
    }
}
