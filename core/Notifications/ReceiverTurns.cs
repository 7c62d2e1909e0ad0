using System.Collections.Concurrent;

namespace Serverless.Core.Notifications;

/// <summary>
/// Keeps a receiver that is slow, or does not answer at all, from taking every place there is: it gets few requests at a time, and while it is silent
/// it is left alone. One process remembers this for itself; no other needs to know.
/// </summary>
sealed class ReceiverTurns(TimeProvider time)
{
    private const int MostAtOnce = 2;

    /// <summary>Nobody waits longer than this in place for those before him.</summary>
    private static readonly TimeSpan LongestQueue = TimeSpan.FromSeconds(0.5);

    private static readonly Backoff Rests = new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10));

    private readonly ConcurrentDictionary<string, Receiver> receivers = new();

    /// <returns>The receiver's answer, or for how long nothing is to be sent to it.</returns>
    public async Task<(WebhookAnswer? Answer, TimeSpan Wait)> Ask(string url, Func<Task<WebhookAnswer>> send, CancellationToken cancel = default)
    {
        var receiver = receivers.GetOrAdd(url, _ => new());
        if (receiver.Remaining(time) is { } remaining) return (null, remaining);
        if (!await receiver.Places.WaitAsync(LongestQueue, cancel)) return (null, receiver.Rest(WebhookSender.Patience, time));
        try
        {
            var answer = await send();
            if (answer.IsSilence) receiver.WasSilent(time);
            else receiver.Answered();
            return (answer, TimeSpan.Zero);
        }
        finally
        {
            receiver.Places.Release();
        }
    }

    private sealed class Receiver
    {
        private readonly Lock entry = new();
        private int silences;
        private (long Since, TimeSpan Length) rest;

        public SemaphoreSlim Places { get; } = new(MostAtOnce);

        /// <summary>Null when it may be asked.</summary>
        public TimeSpan? Remaining(TimeProvider time)
        {
            lock (entry) return rest.Length - time.GetElapsedTime(rest.Since) is { Ticks: > 0 } remaining ? remaining : null;
        }

        public TimeSpan Rest(TimeSpan length, TimeProvider time)
        {
            lock (entry) rest = (time.GetTimestamp(), length);
            return length;
        }

        public void WasSilent(TimeProvider time)
        {
            lock (entry) rest = (time.GetTimestamp(), Rests.After(++silences));
        }

        public void Answered()
        {
            lock (entry) (silences, rest) = (0, default);
        }
    }
}
