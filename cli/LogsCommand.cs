using System.CommandLine;
using System.Globalization;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;

namespace Serverless.Cli;

static class LogsCommand
{
    private const int MatchesOfAPage = 1000;

    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        var follow = new Option<bool>("--follow", "-f") { Description = "Follow the log until the run ends" };
        var tail = new Option<int?>("--tail", "-n") { Description = "Only the last lines", HelpName = "LINES" };
        var search = new Option<string?>("--search", "-s")
        {
            Description = "Only lines that have this text, with their numbers; capitals count when there is one in it", HelpName = "TEXT",
        };
        return new Verb("logs", "Print a run's log. A pipe gets every byte; a terminal gets colours, but no other control sequences")
        {
            Examples = ["exp logs last", "exp logs -f prune-mlp", "exp logs 7XK2QA -n 20", "exp logs last --search nan"],
        }.With(name, follow, tail, search).Does(world, async (session, cancel) =>
        {
            if (session.Get(search) is { } text)
            {
                if (session.Get(follow) || session.Get(tail) is not null) throw ExpException.Usage("--search is about the whole log as it is now");
                await Search(session, await session.FindRun(name, cancel), text, cancel);
                return;
            }

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

    private static async Task Search(Session session, string run, string text, CancellationToken cancel)
    {
        if (text.Trim().Length == 0) throw ExpException.Usage("--search: is empty; give what to search for");
        var all = new List<LogMatch>();
        var (lines, offset, problems) = (0L, (long?)0, new HashSet<string>(StringComparer.Ordinal));
        while (offset is { } from)
        {
            var page = await session.Api.SearchLogs(run, text, from, MatchesOfAPage, cancel);
            var matches = page.Matches.Select(match => match with { Line = lines + match.Line }).ToList();
            if (session.Output.Json) all.AddRange(matches);
            else foreach (var match in matches) StandardOutput.WriteLine($"{match.Line.ToString(CultureInfo.InvariantCulture)}: {match.Text}");
            foreach (var problem in page.Problems.Where(problems.Add)) session.Output.Remark($"[yellow]The log is not whole: {problem}[/]");
            if (matches.Count == 0 && lines == 0) throw ExpException.NotFound($"no line of the log has '{text}'");
            (lines, offset) = (matches.Count > 0 ? matches[^1].Line : lines, page.Next);
        }

        StandardOutput.End();
        if (session.Output.Json) Output.WriteJson(new LogMatches(run, all, null, [.. problems]));
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
