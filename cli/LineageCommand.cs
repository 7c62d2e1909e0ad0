using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Core;
using Serverless.Core.Lineage;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Cli;

static class LineageCommand
{
    private const string Data = "data/";

    public static Verb Create(World world)
    {
        var what = new Argument<string>("WHAT")
        {
            Description = "A run (id, 'last', an experiment's name), a file or folder data/…, or a dataset such as digits:3",
            Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => "",
        };
        var depth = new Option<int>("--depth", "-d")
        {
            Description = "How many runs and datasets away to look", HelpName = "N", DefaultValueFactory = _ => 5,
        };
        var dot = new Option<bool>("--dot") { Description = "Print it in Graphviz's DOT language" };
        var svg = new Option<string?>("--svg") { Description = "Write an SVG drawing to a file", HelpName = "FILE" };
        var rebuild = new Option<bool>("--rebuild")
        {
            Description = "Build the index again from the records, after a workspace was restored without it (admins only)",
        };
        return new Verb("lineage", "Show where a run, file or dataset came from, and what it led to")
        {
            Examples =
            [
                "exp lineage last", "exp lineage data/weights/mlp.safetensors", "exp lineage digits:3 --depth 2",
                "exp lineage last --svg lineage.svg",
                "exp lineage last --dot | dot -Tpdf -o lineage.pdf",
            ],
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

            if (asked.Length == 0) throw ExpException.Usage("WHAT is missing: a run, a file data/…, or a dataset such as digits:3");
            Output.WarmUp();
            var isRun = !asked.StartsWith(Data, StringComparison.Ordinal) && DatasetReference.Parse(asked) is null;
            var graph = await session.Api.GetLineage(isRun ? await RunNames.Find(session.Api, asked, cancel) : asked, session.Get(depth), cancel);
            if (session.Get(svg) is { } file)
            {
                await LocalFiles.Write(file, () => File.WriteAllTextAsync(file, LineageDrawing.Svg(graph), cancel));
                session.Output.Remark($"Drew {graph.Nodes.Count} nodes into {file}");
            }

            if (session.Get(dot)) StandardOutput.Write(LineageDrawing.Dot(graph));
            else if (session.Output.Json) Output.WriteJson(graph);
            else if (session.Get(svg) is null) Show(session.Output, graph);
        });
    }

    private static void Show(Output output, LineageGraph graph)
    {
        output.Write(Tree(graph));
        if (graph.Cut) output.Remark($"[dim]There may be more: --depth[/]");
    }

    private static Listing Tree(LineageGraph graph)
    {
        var nodes = graph.Nodes.ToDictionary(node => node.Id);
        var listing = Listing.Untitled(Column.Text("what", narrowest: 16), Column.Text("details", 2), Column.Text("relation", 1))
            .Add(Row(nodes[graph.Root]));
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var sides = new List<(string Title, ILookup<string, LineageEdge> Edges, Func<LineageEdge, string> Other)>
        {
            ("came from", graph.Edges.ToLookup(edge => edge.To), edge => edge.From),
            ("led to", graph.Edges.ToLookup(edge => edge.From), edge => edge.To),
        };
        sides.RemoveAll(side => !side.Edges[graph.Root].Any());
        foreach (var side in sides)
        {
            var isLast = side == sides[^1];
            listing.Add(new(side.Title, "dim", Lead: isLast ? "└── " : "├── "), "", "");
            Branch(side.Edges, side.Other, graph.Root, isLast ? "    " : "│   ");
        }

        if (graph.Edges.Count == 0) listing.Add(new("nothing is known that it came from, or that came of it", "dim", Lead: "└── "), "", "");
        return listing;

        void Branch(ILookup<string, LineageEdge> edges, Func<LineageEdge, string> other, string id, string lead)
        {
            var known = edges[id].GroupBy(other).Where(between => nodes.ContainsKey(between.Key)).ToList();
            foreach (var between in known)
            {
                var (node, isLast) = (nodes[between.Key], between == known[^1]);
                var again = !seen.Add(node.Id) && edges[node.Id].Any();
                listing.Add(Row(node, lead + (isLast ? "└── " : "├── "), between, again));
                if (!again) Branch(edges, other, node.Id, lead + (isLast ? "    " : "│   "));
            }
        }
    }

    private static Cell[] Row(LineageNode node, string lead = "", IEnumerable<LineageEdge>? edges = null, bool again = false)
    {
        var colour = node.Kind switch
        {
            LineageKind.Run => node.State is { } text && EnumNames.Parse<RunState>(text) is { } state ? Format.Colour(state) : "grey",
            LineageKind.Dataset => "yellow",
            LineageKind.Trigger => "magenta",
            LineageKind.File => "blue",
        };
        var relation = edges is null ? "" : $"({string.Join(", ", edges.Select(LineageDrawing.Says))}{(again ? "; see above" : "")})";
        return [new(node.Label, colour, Lead: lead), LineageDrawing.Second(node), new(relation, "dim")];
    }
}
