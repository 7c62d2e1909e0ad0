using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Serverless.Core;
using Serverless.Core.Results;

namespace Serverless.Functions.Api;

/// <summary>
/// A log that is followed as Server-Sent Events: <c>log</c> with <c>{"text"}</c> (whole characters; line ends as printed), <c>rewind</c> with <c>{"offset"}</c> when a new attempt goes on
/// from an earlier place, <c>end</c> with <c>{"state","cause"}</c>. Every event has an id to resume after.
/// </summary>
static class LogEvents
{
    /// <param name="until">Ends it between two events.</param>
    public static async Task Write(HttpContext context, LogReader logs, string runId, LogPosition from, CancellationToken until)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, until);
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        await response.Body.FlushAsync(context.RequestAborted);

        // A character may be cut between two reads: its first bytes wait for the rest, and the id stays before them.
        var rest = Array.Empty<byte>();
        await foreach (var happened in logs.Follow(runId, from, either.Token))
        {
            switch (happened)
            {
                case LogEvent.Text text:
                    byte[] bytes = [.. rest, .. text.Bytes];
                    var whole = WholeCharacters(bytes);
                    rest = bytes[whole..];
                    if (whole > 0) await Send("log", text.After with { Offset = text.After.Offset - rest.Length }, new { text = Encoding.UTF8.GetString(bytes, 0, whole) });
                    break;
                case LogEvent.Rewound rewound:
                    rest = [];
                    await Send("rewind", rewound.To, new { offset = rewound.To.Offset });
                    break;
                case LogEvent.Ended ended:
                    if (rest.Length > 0) await Send("log", ended.At, new { text = Encoding.UTF8.GetString(rest) });
                    await Send("end", ended.At, new { state = ended.State, cause = ended.Cause });
                    break;
            }
        }

        async Task Send<T>(string name, LogPosition position, T data)
        {
            await response.WriteAsync($"id: {position}\nevent: {name}\ndata: {JsonSerializer.Serialize(data, CoreJson.Options)}\n\n", context.RequestAborted);
            await response.Body.FlushAsync(context.RequestAborted);
        }
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
