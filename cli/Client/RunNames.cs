using System.CommandLine;

namespace Serverless.Cli.Client;

/// <summary>How people name a run: its id, the beginning or the end of it, <c>last</c>, or an experiment, which means its newest run.</summary>
static class RunNames
{
    private const string Help = "The run: its id, the end or the beginning of it, 'last', or an experiment's name for its newest run";
    private const int IdLength = 26, ShortestAbbreviation = 3, PageLength = 1000;

    public static Argument<string> Argument() => new("RUN") { Description = Help };

    public static Argument<string?> Optional() => new("RUN") { Description = Help, Arity = ArgumentArity.ZeroOrOne };

    public static Argument<string[]> Arguments(ArgumentArity? arity = null) =>
        new("RUN") { Description = Help, Arity = arity ?? ArgumentArity.OneOrMore };

    public static async Task<string> Find(ServerlessClient api, string name, CancellationToken cancel)
    {
        if (name is "last")
        {
            var newest = await api.ListRuns(new() { Limit = 1 }, cancel);
            return newest.Runs is [var run, ..] ? run.Id : throw ExpException.NotFound("there are no runs yet; start one with: exp run FILE");
        }

        if (name.Length == IdLength && IsPartOfId(name)) return name.ToUpperInvariant();
        if (name.Length > 0 && (await api.ListRuns(new() { Experiment = name, Limit = 1 }, cancel)).Runs is [var ofExperiment, ..])
        {
            return ofExperiment.Id;
        }

        return name.Length >= ShortestAbbreviation && IsPartOfId(name) ? await FindPart(api, name, cancel) : throw Unknown(name);
    }

    // Every page is read: an abbreviation that is unique among the newest only might name another run than the one that was meant.
    private static async Task<string> FindPart(ServerlessClient api, string name, CancellationToken cancel)
    {
        var part = name.ToUpperInvariant();
        var found = new List<string>();
        string? after = null;
        do
        {
            var page = await api.ListRuns(new() { Limit = PageLength, After = after }, cancel);
            found.AddRange(page.Runs.Select(run => run.Id)
                .Where(id => id.StartsWith(part, StringComparison.Ordinal) || id.EndsWith(part, StringComparison.Ordinal)));
            after = page.Next;
        }
        while (after is not null);

        return found switch
        {
            [var one] => one,
            [] => throw Unknown(name),
            _ => throw ExpException.Usage($"'{name}' matches {found.Count} runs; give more of the id:", [.. found.Take(10)]),
        };
    }

    private static bool IsPartOfId(string name) => name.All(char.IsAsciiLetterOrDigit);

    private static ExpException Unknown(string name) => ExpException.NotFound($"there is no run or experiment '{name}'; see: exp list");
}
