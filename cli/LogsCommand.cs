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
                var lines = session.Get(tail);
                if (lines is not null || !session.Get(follow)) offset = await Print(session, run, lines, output, cancel);
            }

            if (session.Get(follow)) await Follow(session, run, offset, cancel);
        });
    }

    private static async Task Follow(Session session, string run, long offset, CancellationToken cancel)
    {
        try
        {
            await new LogTail(session.Api, run).Follow(
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

    /// <param name="tail">Null: all lines.</param>
    /// <returns>How long the log was then.</returns>
    private static async Task<long> Print(Session session, string run, int? tail, Stream output, CancellationToken cancel)
    {
        if (tail < 0) throw ExpException.Usage("--tail: a number of lines, from 0 on");
        await using var log = await session.Api.OpenLogs(run, tail, cancel);
        await log.Text.CopyToAsync(output, cancel);
        if (log.Problems is { } problems) session.Output.Remark($"[yellow]The log is not whole: {problems}[/]");
        return log.End;
    }
}
