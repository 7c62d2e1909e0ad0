using System.Text;

namespace Serverless.GpuWorker.Execute;

/// <summary>What a runner says about a failure, one line on its report channel: kind, space, message.</summary>
sealed record RunnerReport(RunnerReport.Failure Kind, string Message)
{
    public enum Failure
    {
        /// <summary>An exception that nobody caught.</summary>
        Exception,
        OutOfMemory,
        DiskFull,

        /// <summary>The runner could not start the code at all.</summary>
        NotStarted,
    }

    private const string Prefix = "exp-report:";

    /// <summary>Of a line this much is kept: a report goes into the run's record.</summary>
    private const int MaxLine = 8 * 1024, MaxStray = 2000;

    public string ToLine() => $"{Prefix}{(int)Kind} {Message.ReplaceLineEndings(" ")}\n";

    /// <summary>Null when the line is something else: what the .NET host itself prints when it cannot start, for example.</summary>
    public static RunnerReport? From(string line) =>
        line.StartsWith(Prefix, StringComparison.Ordinal) && line.Length > Prefix.Length + 1 && line[Prefix.Length] is >= '0' and <= '3'
            ? new((Failure)(line[Prefix.Length] - '0'), line[(Prefix.Length + 2)..])
            : null;

    /// <summary>The first report of a pipe, read to its end. Of anything else that came, the beginning, as one that could not be started.</summary>
    public static RunnerReport? Read(Stream pipe)
    {
        RunnerReport? first = null;
        var stray = new StringBuilder();
        var (line, length) = (new byte[MaxLine], 0);
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = pipe.Read(buffer)) > 0)
        {
            foreach (var one in buffer.AsSpan(0, read))
            {
                if (one == (byte)'\n') End();
                else if (length < line.Length) line[length++] = one;
            }
        }

        if (length > 0) End();
        return first ?? (stray.Length > 0 ? new(Failure.NotStarted, stray.ToString()) : null);

        void End()
        {
            var text = Encoding.UTF8.GetString(line, 0, length);
            length = 0;
            if (From(text) is { } said) first ??= said;
            else if (stray.Length < MaxStray) stray.Append(stray.Length > 0 ? " " : "").Append(text, 0, Math.Min(text.Length, MaxStray));
        }
    }
}
