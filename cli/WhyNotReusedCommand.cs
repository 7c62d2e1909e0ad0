using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Submit;

namespace Serverless.Cli;

static class WhyNotReusedCommand
{
    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        var other = new Argument<string>("OTHER")
        {
            Description = "Another run to compare with [the nearest earlier one of the experiment]", Arity = ArgumentArity.ZeroOrOne,
            DefaultValueFactory = _ => "",
        };
        return new Verb("why-not-reused", "Explain why a run was computed instead of reusing an earlier one")
        {
            Examples = ["exp why-not-reused last", "exp why-not-reused 7XK2QA M3PPZ1"],
        }.With(name, other).Does(world, async (session, cancel) =>
        {
            Output.WarmUp();
            var run = await session.FindRun(name, cancel);
            var wanted = session.Get(other) is { Length: > 0 } given ? await RunNames.Find(session.Api, given, cancel) : null;
            var explanation = await session.Api.WhyNotReused(run, wanted, cancel);
            if (session.Output.Json) Output.WriteJson(explanation);
            else Show(session.Output, explanation);
        });
    }

    private static void Show(Output output, ReuseExplanation explained)
    {
        output.Line($"{Format.ShortId(explained.Run)}: {Shortened(explained)}");
        output.Write(new Listing(
            Column.Text("PART", narrowest: 6), Column.Text("WHICH", narrowest: 8), Column.Text("BEFORE", narrowest: 7), Column.Word(""),
            Column.Text("NOW", narrowest: 7))
            .AddAll(explained.Differences.Select(difference => new Cell[]
            {
                new(difference.Part, "dim"), new(difference.Name ?? "", "bold"), new(difference.From ?? "–", "yellow"), "→",
                new(difference.To ?? "–", "yellow"),
            })), indent: 2);
        if (explained.Now is { } now && now != explained.Run) output.Remark($"[dim]The same submission now would be given {Format.ShortId(now)}[/]");
        else if (explained.Now is { }) output.Remark($"[dim]The same submission now would be given this run[/]");
    }

    // Ids are shortened as everywhere; the whole ones are in the JSON.
    private static string Shortened(ReuseExplanation explained) =>
        explained.Other is { } other ? explained.Explanation.Replace(other, Format.ShortId(other), StringComparison.Ordinal) : explained.Explanation;
}
