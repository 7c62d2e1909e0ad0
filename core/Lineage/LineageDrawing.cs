using System.Globalization;
using System.Security;
using System.Text;

namespace Serverless.Core.Lineage;

/// <summary>A lineage as a picture: causes on the left, effects on the right.</summary>
public static class LineageDrawing
{
    private const int NodeHeight = 44, RowGap = 18, LayerGap = 110, Margin = 24, Padding = 12, NarrowestNode = 110;

    /// <summary>Of the two sizes of text, in pixels; wide enough for any sans-serif.</summary>
    private const double LabelCharacter = 7.6, DetailCharacter = 6.2;

    private const int LongestText = 42, LongestDetail = 24;

    /// <summary>For Graphviz.</summary>
    public static string Dot(LineageGraph graph)
    {
        var dot = new StringBuilder("""
            digraph lineage {
              rankdir=LR;
              node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];
              edge [fontname="sans-serif", fontsize=9];

            """);
        foreach (var node in graph.Nodes)
        {
            var (fill, line) = Colours(node);
            var bold = node.Id == graph.Root ? ", penwidth=3" : "";
            var label = Quoted(node.Label + "\n" + Second(node));
            dot.Append($"""  {Quoted(node.Id)} [label={label}, fillcolor="{fill}", color="{line}"{bold}];""").Append('\n');
        }

        foreach (var edge in graph.Edges) dot.Append($"  {Quoted(edge.From)} -> {Quoted(edge.To)} [label={Quoted(Says(edge))}];\n");
        return dot.Append("}\n").ToString();

        static string Quoted(string text)
        {
            var escaped = new StringBuilder(PlainText.Of(text)).Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
            return $"\"{escaped}\"";
        }
    }

    public static string Svg(LineageGraph graph)
    {
        var places = Places(graph);
        var (width, height) = (places.Values.Max(place => place.X + place.Width) + Margin, places.Values.Max(place => place.Y) + NodeHeight + Margin);
        var svg = new StringBuilder();
        Line($"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{width:0}" height="{height:0}" viewBox="0 0 {width:0} {height:0}"
              font-family="system-ui, sans-serif">
            <defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M0 0 8 4 0 8Z" fill="#7a869a"/></marker></defs>
            <rect width="100%" height="100%" fill="#ffffff"/>
            """);
        foreach (var arrow in graph.Edges.GroupBy(edge => (edge.From, edge.To)))
        {
            if (!places.TryGetValue(arrow.Key.From, out var from) || !places.TryGetValue(arrow.Key.To, out var to)) continue;
            double x1 = from.X + from.Width, y1 = from.Y + (NodeHeight / 2.0), x2 = to.X, y2 = to.Y + (NodeHeight / 2.0);
            var bend = Math.Max(30, (x2 - x1) / 2);
            Line($"""
                <path d="M{x1:0.#} {y1:0.#}C{x1 + bend:0.#} {y1:0.#} {x2 - bend:0.#} {y2:0.#} {x2 - 2:0.#} {y2:0.#}"
                  fill="none" stroke="#7a869a" stroke-width="1.4" marker-end="url(#to)"/>
                <text x="{x2 - 10:0.#}" y="{y2 - 5:0.#}" font-size="10" fill="#5a6577" text-anchor="end"
                  paint-order="stroke" stroke="#ffffff" stroke-width="3">{Escaped(Cut(string.Join(", ", arrow.Select(Says))))}</text>
                """);
        }

        foreach (var node in graph.Nodes)
        {
            var (place, (fill, line)) = (places[node.Id], Colours(node));
            var left = place.X + Padding;
            Line($"""
                <g><title>{Escaped(node.Id)}</title>
                <rect x="{place.X:0.#}" y="{place.Y:0.#}" width="{place.Width:0.#}" height="{NodeHeight}" rx="7"
                  fill="{fill}" stroke="{line}" stroke-width="{(node.Id == graph.Root ? 3 : 1.2)}"/>
                <text x="{left:0.#}" y="{place.Y + 18:0.#}" font-size="13" font-weight="600" fill="#1b2430">{Escaped(Cut(node.Label))}</text>
                <text x="{left:0.#}" y="{place.Y + 34:0.#}" font-size="11" fill="#445063">{Escaped(Cut(Second(node)))}</text></g>
                """);
        }

        return svg.Append("</svg>\n").ToString();

        void Line(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    /// <summary>The line below a node's name.</summary>
    public static string Second(LineageNode node) => node switch
    {
        { Kind: LineageKind.Run, Name: var id } =>
            string.Join("  ", new[] { id.Length > 6 ? id[^6..] : id, Brief(node.Detail), node.State }.OfType<string>()),
        { Kind: LineageKind.Trigger } => $"trigger{(node.Detail is null ? "" : $", {node.Detail}")}",
        { State: "deleted" or "damaged" } => node.State,
        _ => node.Detail ?? (node.Kind == LineageKind.File ? "file" : ""),
    };

    /// <summary>What an arrow says.</summary>
    public static string Says(LineageEdge edge) => edge switch
    {
        { Relation: LineageRelation.Published } => "published",
        { Relation: LineageRelation.Artifact } => "artifact",
        { Relation: LineageRelation.Input } => "input",
        { Relation: LineageRelation.Checkpoint, Detail: { } step } => $"checkpoint, {step}",
        { Relation: LineageRelation.Checkpoint } => "checkpoint",
        { Relation: LineageRelation.Triggered, Detail: { } trigger } => $"trigger {trigger}",
        { Relation: LineageRelation.Triggered } => "trigger",
        { Relation: LineageRelation.MadeOf } => "made of",
        _ => throw new InvalidOperationException($"unknown edge {edge}"),
    };

    /// <summary>A command line begins with what it is.</summary>
    private static string? Brief(string? detail) => detail?.Length > LongestDetail ? detail[..(LongestDetail - 1)] + "…" : detail;

    private sealed record Place(double X, double Y, double Width);

    /// <summary>Each node one layer right of the last of its causes; in a layer, near the middle of its neighbours.</summary>
    private static Dictionary<string, Place> Places(LineageGraph graph)
    {
        var ids = graph.Nodes.Select(node => node.Id).ToHashSet(StringComparer.Ordinal);
        var edges = graph.Edges.Where(edge => ids.Contains(edge.From) && ids.Contains(edge.To) && edge.From != edge.To).ToList();
        var layer = ids.ToDictionary(id => id, _ => 0, StringComparer.Ordinal);

        // A circle cannot come from records, whose causes are older; should one be damaged so, the count of rounds ends it.
        for (var round = 0; round < ids.Count; round++)
        {
            var moved = false;
            foreach (var edge in edges.Where(edge => layer[edge.To] <= layer[edge.From]))
            {
                layer[edge.To] = layer[edge.From] + 1;
                moved = true;
            }

            if (!moved) break;
        }

        // A cause that nothing leads to stands next to its first effect, not at the far left.
        foreach (var id in ids.Where(id => !edges.Exists(edge => edge.To == id)))
        {
            var first = edges.Where(edge => edge.From == id).Select(edge => layer[edge.To]).DefaultIfEmpty(1).Min();
            layer[id] = Math.Max(0, first - 1);
        }

        var rows = graph.Nodes.GroupBy(node => layer[node.Id]).OrderBy(group => group.Key).Select(group => group.ToList()).ToList();
        var order = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var row in rows) Number(row);
        for (var sweep = 0; sweep < 4; sweep++)
        {
            foreach (var row in sweep % 2 == 0 ? rows : Enumerable.Reverse(rows))
            {
                row.Sort((a, b) => Middle(a.Id).CompareTo(Middle(b.Id)));
                Number(row);
            }
        }

        var (places, x) = (new Dictionary<string, Place>(StringComparer.Ordinal), (double)Margin);
        var tallest = rows.Max(row => row.Count);
        foreach (var row in rows)
        {
            var width = row.Max(WidthOf);
            var y = Margin + ((tallest - row.Count) * (NodeHeight + RowGap) / 2.0);
            foreach (var node in row)
            {
                places[node.Id] = new(x, y, width);
                y += NodeHeight + RowGap;
            }

            x += width + LayerGap;
        }

        return places;

        void Number(List<LineageNode> row)
        {
            for (var i = 0; i < row.Count; i++) order[row[i].Id] = i - (row.Count / 2.0);
        }

        double Middle(string id) => edges.Where(edge => edge.From == id || edge.To == id)
            .Select(edge => order[edge.From == id ? edge.To : edge.From]).DefaultIfEmpty(order[id]).Average();
    }

    private static double WidthOf(LineageNode node) =>
        Math.Max(NarrowestNode, (2 * Padding) + Math.Max(Cut(node.Label).Length * LabelCharacter, Cut(Second(node)).Length * DetailCharacter));

    private static (string Fill, string Line) Colours(LineageNode node) => (node.Kind, node.State) switch
    {
        (_, "deleted" or "damaged") => ("#f1f2f4", "#9aa3b0"),
        (LineageKind.Run, "succeeded") => ("#e3f6e8", "#2e8b57"),
        (LineageKind.Run, "failed") => ("#fde7e7", "#c23b3b"),
        (LineageKind.Run, "cancelled") => ("#f7e8f7", "#9b4f9b"),
        (LineageKind.Run, _) => ("#e6effc", "#3d74c7"),
        (LineageKind.Dataset, _) => ("#fff3d6", "#c58a12"),
        (LineageKind.Trigger, _) => ("#ece9fb", "#6b5bc2"),
        _ => ("#f7f8fa", "#7a869a"),
    };

    /// <summary>The end of a path says more than its beginning.</summary>
    private static string Cut(string text) =>
        text.Length <= LongestText ? text
        : text.Contains('/', StringComparison.Ordinal) ? "…" + text[^(LongestText - 1)..]
        : text[..(LongestText - 1)] + "…";

    private static string Escaped(string text) => SecurityElement.Escape(PlainText.Of(text));
}
