using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core;
using Serverless.Core.Lineage;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Spectre.Console;

namespace Serverless.Cli;

static class LineageCommand
{
    private const string Data = "data/";

    public static Verb Create(World world)
    {
        var what = new Argument<string>("WHAT") { Description = "A run (id, 'last', an experiment's name), a file or folder data/…, or a dataset such as digits:3", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => "" };
        var depth = new Option<int>("--depth", "-d") { Description = "How many runs and datasets away", HelpName = "N", DefaultValueFactory = _ => 5 };
        var dot = new Option<bool>("--dot") { Description = "Print it for Graphviz" };
        var svg = new Option<string?>("--svg") { Description = "Draw it into a file", HelpName = "FILE" };
        var rebuild = new Option<bool>("--rebuild") { Description = "Make the index again from the records, after a workspace was restored without it (admins only)" };
        return new Verb("lineage", "Show what something came from, and what came of it")
        {
            Examples = ["exp lineage last", "exp lineage data/weights/mlp.safetensors", "exp lineage digits:3 --depth 2", "exp lineage last --svg lineage.svg", "exp lineage last --dot | dot -Tpdf -o lineage.pdf"],
        }.With(what, depth, dot, svg, rebuild).Does(world, async (session, cancel) =>
        {
            var asked = session.Get(what);
            if (session.Get(rebuild))
            {
                var rebuilt = await session.Api.RebuildLineage(cancel);
                if (session.Output.Json) Output.WriteJson(rebuilt);
                else session.Output.Line($"Read {rebuilt.Records} records");
                if (asked.Length == 0) return;
            }

            if (asked.Length == 0) throw ExpException.Usage("lineage of what? Give a run, a file data/…, or a dataset such as digits:3");
            Output.WarmUp();
            var isRun = !asked.StartsWith(Data, StringComparison.Ordinal) && DatasetReference.Parse(asked) is null;
            var graph = await session.Api.GetLineage(isRun ? await RunNames.Find(session.Api, asked, cancel) : asked, session.Get(depth), cancel);
            if (session.Get(svg) is { } file)
            {
                await File.WriteAllTextAsync(file, LineageDrawing.Svg(graph), cancel);
                session.Output.Remark($"Drew {graph.Nodes.Count} nodes into {file}");
            }

            if (session.Get(dot)) StandardOutput.Write(LineageDrawing.Dot(graph));
            else if (session.Output.Json) Output.WriteJson(graph);
            else if (session.Get(svg) is null) Show(session.Output, graph);
        });
    }

    private static void Show(Output output, LineageGraph graph)
    {
        var nodes = graph.Nodes.ToDictionary(node => node.Id);
        var tree = new Tree(Text(nodes[graph.Root]));
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var (causes, effects) = (graph.Edges.ToLookup(edge => edge.To), graph.Edges.ToLookup(edge => edge.From));
        Branch("came from", causes, edge => edge.From);
        Branch("led to", effects, edge => edge.To);
        if (graph.Edges.Count == 0) tree.AddNode(new Markup("[dim]nothing is known that it came from, or that came of it[/]"));
        output.Write(tree);
        if (graph.Cut) output.Remark($"[dim]There may be more: --depth[/]");

        void Branch(string title, ILookup<string, LineageEdge> edges, Func<LineageEdge, string> other)
        {
            if (edges[graph.Root].Any()) Add(tree.AddNode(new Markup($"[dim]{title}[/]")), graph.Root);

            void Add(IHasTreeNodes at, string id)
            {
                foreach (var between in edges[id].GroupBy(other))
                {
                    if (!nodes.TryGetValue(between.Key, out var node)) continue;
                    var again = !seen.Add(node.Id) && edges[node.Id].Any();
                    var below = at.AddNode(Text(node, between, again));
                    if (!again) Add(below, node.Id);
                }
            }
        }
    }

    private static Markup Text(LineageNode node, IEnumerable<LineageEdge>? edges = null, bool again = false)
    {
        var colour = node.Kind switch
        {
            LineageKind.Run => node.State is { } text && EnumNames.Parse<RunState>(text) is { } state ? Format.Colour(state) : "grey",
            LineageKind.Dataset => "yellow",
            LineageKind.Trigger => "magenta",
            LineageKind.File => "blue",
        };
        var relation = edges is null ? "" : $"  ({string.Join(", ", edges.Select(LineageDrawing.Says))}{(again ? "; see above" : "")})";
        return new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"[{colour}]{Markup.Escape(TerminalFilter.OneLine(node.Label))}[/]  {Markup.Escape(TerminalFilter.OneLine(LineageDrawing.Second(node)))}[dim]{Markup.Escape(relation)}[/]"));
    }
}
