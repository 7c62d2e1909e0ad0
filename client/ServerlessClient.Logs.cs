using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    private static readonly TimeSpan FollowPause = TimeSpan.FromSeconds(1);

    /// <summary>The log as it is now.</summary>
    /// <param name="tail">Only so many lines of its end; null: the whole.</param>
    public async Task<RunLog> OpenLogs(string id, int? tail = null, CancellationToken cancel = default)
    {
        var call = Call.Get($"{Run(id)}/logs" + Query(("tail", tail is { } lines ? Text(lines) : null)));
        var response = await retries.Run(stop => SendOnce(call, stop), isRepeatable: true, cancel);
        var problems = response.Headers.TryGetValues("Log-Problems", out var said) ? string.Join("; ", said) : null;
        var end = long.Parse(response.Headers.GetValues("Log-Next-Offset").Single(), CultureInfo.InvariantCulture);
        return new(await BodyStream.Of(response, null, 0, cancel), end, problems);
    }

    /// <summary>Lines of the log, as it is now, that have a text. Capitals count when there is one in the text.</summary>
    /// <param name="offset"><see cref="LogMatches.Next"/> of the answer before.</param>
    public Task<LogMatches> SearchLogs(string id, string text, long offset = 0, int? limit = null, CancellationToken cancel = default) =>
        Get<LogMatches>(
            $"{Run(id)}/logs/search" + Query(("text", text), ("offset", offset == 0 ? null : Text(offset)), ("limit", Text(limit))), cancel);

    /// <summary>
    /// The log as it grows, until the run has ended. It goes on where it was when the connection breaks, and when the platform is away for no
    /// longer than <see cref="ServerlessClientOptions.FollowPatience"/>.
    /// </summary>
    /// <param name="offset">The byte to begin at.</param>
    public async IAsyncEnumerable<LogUpdate> FollowLogs(string id, long offset = 0, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        string? seen = null;
        long? awaySince = null;
        while (true)
        {
            await using var events = LogEvents(id, seen, offset, cancel).GetAsyncEnumerator(cancel);
            while (true)
            {
                var (next, broken) = await Next(events, cancel);
                if (next is not { } happened)
                {
                    awaySince ??= options.Time.GetTimestamp();
                    if (broken is not null && options.Time.GetElapsedTime(awaySince.Value) >= options.FollowPatience) throw broken;
                    break;
                }

                // However long it was silent before: it was there.
                awaySince = null;
                seen = happened.EventId ?? seen;
                if (Update(happened) is not { } update) continue;
                yield return update;
                if (update is LogUpdate.Ended) yield break;
            }

            await Task.Delay(FollowPause, options.Time, cancel);
        }
    }

    /// <summary>Neither: the connection is over. The platform ends the request itself every few minutes, too, as one in the cloud does.</summary>
    private static async Task<(SseItem<string>? Next, ApiException? Broken)> Next(IAsyncEnumerator<SseItem<string>> events, CancellationToken cancel)
    {
        const string Away = "the platform has been away for too long; the run may go on, and its log can be read from where it is";
        try
        {
            return (await events.MoveNextAsync() ? events.Current : null, null);
        }
        catch (Exception e) when (e is ApiException { IsTransient: true } or ApiException { Fault: ApiFault.Silent } || BodyStream.IsBreak(e, cancel))
        {
            return (null, new ApiException(ApiFault.Interrupted, Away, e));
        }
    }

    private async IAsyncEnumerable<SseItem<string>> LogEvents(
        string id, string? after, long offset, [EnumeratorCancellation] CancellationToken cancel)
    {
        var call = Call.Get($"{Run(id)}/logs" + Query(("follow", "true"), ("offset", From(offset)))) with
        {
            Accept = "text/event-stream",
            LastEventId = after,
        };
        using var response = await SendOnce(call, cancel);

        // Being answered is a sign of life, also when nothing was printed.
        yield return new("", eventType: "answered");
        await using var body = Bounded.Events(await response.Content.ReadAsStreamAsync(cancel));
        await foreach (var happened in SseParser.Create(body).EnumerateAsync(cancel)) yield return happened;
    }

    private static string? From(long offset) => offset == 0 ? null : Text(offset);

    private LogUpdate? Update(SseItem<string> happened) => happened.EventType switch
    {
        "log" => new LogUpdate.Printed(Data<LogText>(happened).Text),
        "rewind" => new LogUpdate.Rewound(Data<LogRewind>(happened).Offset),
        "problem" => new LogUpdate.Incomplete(Data<LogText>(happened).Text),
        "revoked" => throw new ApiException(ApiFault.Forbidden, $"{Data<LogText>(happened).Text}; the run goes on"),
        "end" when Data<LogEnd>(happened) is var end => new LogUpdate.Ended(end.State, end.Cause),
        _ => null,
    };

    private T Data<T>(SseItem<string> happened) => Understood(Encoding.UTF8.GetBytes(happened.Data), ApiJson.Of<T>());
}
