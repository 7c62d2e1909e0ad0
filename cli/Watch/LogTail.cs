using System.Text;

namespace Serverless.Cli.Watch;

/// <summary>Follows a run's log line by line.</summary>
sealed class LogTail(ServerlessClient api, string run)
{
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
        var lines = new LineBuffer(line =>
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
        await foreach (var happened in api.FollowLogs(run, offset, cancel))
        {
            if (happened is LogUpdate.Printed printed) heard(printed.Text);
            else if (happened is LogUpdate.Rewound) rewound();
            else if (happened is LogUpdate.Incomplete gap) incomplete?.Invoke(gap.Problem);
        }
    }

    private sealed class LineBuffer(Action<string> heard)
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
