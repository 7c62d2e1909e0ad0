using System.Text;
using System.Text.Json;
using Serverless.Cli.Client;

namespace Serverless.Cli.Watch;

/// <summary>Follows a run's log line by line; goes on where it was when the platform goes away for a while.</summary>
sealed class LogTail(ApiClient api, string run, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Failures in a row before it gives up: two minutes.</summary>
    private const int Patience = 120;

    private readonly Lock guard = new();
    private readonly Queue<string> last = [];

    /// <summary>The newest lines, oldest first.</summary>
    public IReadOnlyList<string> Last(int count)
    {
        lock (guard) return [.. last.TakeLast(count)];
    }

    /// <summary>Reads until the run has ended.</summary>
    /// <param name="heard">Is told every line, without its end.</param>
    /// <param name="keep">How many lines <see cref="Last"/> remembers.</param>
    public async Task Read(Action<string>? heard, int keep, CancellationToken cancel)
    {
        var lines = new LineSplitter(line =>
        {
            heard?.Invoke(line);
            lock (guard)
            {
                last.Enqueue(line);
                if (last.Count > keep) last.Dequeue();
            }
        });
        await Follow(0, lines.Add, lines.End, cancel);
        lines.End();
    }

    /// <summary>Follows the log from a byte on until the run has ended.</summary>
    /// <param name="heard">Is told what was printed.</param>
    /// <param name="rewound">A new attempt goes on from an earlier place: some of what follows was heard before.</param>
    /// <param name="incomplete">Is told what is missing.</param>
    public async Task Follow(long offset, Action<string> heard, Action rewound, CancellationToken cancel, Action<string>? incomplete = null)
    {
        string? seen = null;
        for (var failures = 0; ;)
        {
            try
            {
                await foreach (var happened in api.FollowLogs(run, seen, offset, cancel))
                {
                    failures = 0;
                    if (happened.EventId is { } id) seen = id;
                    if (happened.EventType == "log") heard(TextOf(happened.Data));
                    else if (happened.EventType == "rewind") rewound();
                    else if (happened.EventType == "problem") incomplete?.Invoke(TextOf(happened.Data));
                    else if (happened.EventType == "end") return;
                    if (happened.EventType == "revoked") throw new ExpException(ExitCode.NotAllowed, $"{TextOf(happened.Data)}; the run goes on");
                }

                // The platform ended the request, as one in the cloud does every few minutes, also when nothing was printed: it is there.
                failures = 0;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or ExpException { Code: ExitCode.Unreachable }
                && !cancel.IsCancellationRequested)
            {
                if (failures >= Patience)
                {
                    throw new ExpException(ExitCode.Unreachable, "the platform has been away for two minutes; the log goes on where it is: exp logs",
                        inner: e);
                }
            }

            failures++;
            await Task.Delay(Pause, time, cancel);
        }
    }

    private static string TextOf(string data) => JsonElement.Parse(data).GetProperty("text").GetString()!;

    private sealed class LineSplitter(Action<string> heard)
    {
        /// <summary>A longer line, such as a progress bar that never ends one, comes in parts.</summary>
        private const int LongestLine = 1 << 20;

        private readonly StringBuilder line = new();

        public void Add(string text)
        {
            foreach (var c in text)
            {
                if (c != '\n') line.Append(c);
                if (c == '\n' || line.Length == LongestLine) Emit();
            }
        }

        public void End()
        {
            if (line.Length > 0) Emit();
        }

        private void Emit()
        {
            heard(line.ToString().TrimEnd('\r'));
            line.Clear();
        }
    }
}
