using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;

namespace Serverless.Cli;

static class LogsCommand
{
    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        var follow = new Option<bool>("--follow", "-f") { Description = "Follow the log until the run ends" };
        var tail = new Option<int?>("--tail", "-n") { Description = "Only the last lines", HelpName = "LINES" };
        return new Verb("logs", "Print a run's log. A pipe gets every byte; a terminal gets colours, but no other control sequences")
        {
            Examples = ["exp logs last", "exp logs -f prune-mlp", "exp logs 7XK2QA -n 20"],
        }.With(name, follow, tail).Does(world, async (session, cancel) =>
        {
            var run = await session.FindRun(name, cancel);
            long offset = 0;
            await using (var output = StandardOutput.Open())
            {
                if (session.Get(tail) is { } lines) offset = await PrintTail(session, run, lines, output, cancel);
                else if (!session.Get(follow)) await Print(session, run, output, cancel);
            }

            if (session.Get(follow)) await Follow(session, run, offset, cancel);
        });
    }

    private static async Task Follow(Session session, string run, long offset, CancellationToken cancel)
    {
        try
        {
            await new LogTail(session.Api, run, session.World.Time).Follow(
                offset,
                StandardOutput.Write,
                () => session.Output.Remark($"[yellow]A new attempt goes on from its last checkpoint; what it prints again follows.[/]"),
                cancel,
                problem => session.Output.Remark($"[yellow]{problem}[/]"));
        }
        finally
        {
            StandardOutput.End();
        }
    }

    private static async Task Print(Session session, string run, Stream output, CancellationToken cancel)
    {
        var (log, problems) = await session.Api.OpenLogs(run, 0, cancel);
        await using (log) await log.CopyToAsync(output, cancel);
        Warn(session, problems);
    }

    private static void Warn(Session session, string? problems)
    {
        if (problems is not null) session.Output.Remark($"[yellow]The log is not whole: {problems}[/]");
    }

    /// <returns>How long the log is now.</returns>
    private static async Task<long> PrintTail(Session session, string run, int count, Stream output, CancellationToken cancel)
    {
        if (count < 0) throw ExpException.Usage("--tail: a number of lines, from 0 on");
        var (log, problems) = await session.Api.OpenLogs(run, 0, cancel);
        await using var closing = log;
        Warn(session, problems);
        var kept = new Queue<byte[]>();
        var line = new MemoryStream();
        var buffer = new byte[1 << 16];
        long length = 0;
        for (int read; (read = await log.ReadAsync(buffer, cancel)) > 0; length += read)
        {
            foreach (var b in buffer.AsSpan(0, read))
            {
                line.WriteByte(b);
                if (b == '\n') Keep();
            }
        }

        if (line.Length > 0) Keep();
        foreach (var one in kept) await output.WriteAsync(one, cancel);
        return length;

        void Keep()
        {
            kept.Enqueue(line.ToArray());
            if (kept.Count > count) kept.Dequeue();
            line.SetLength(0);
        }
    }
}
