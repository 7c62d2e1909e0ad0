// Beside StandardOutput the only one that may: see CleanRendering.
#pragma warning disable RS0030

using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Serverless.Cli.Terminal;

/// <summary>
/// Where commands write: answers to standard output, remarks to standard error. Coloured and live on a terminal; plain lines when redirected or
/// with NO_COLOR.
/// </summary>
sealed class Output(bool json, TimeProvider time)
{
    /// <summary>Nothing is as wide: where a program reads, no line is shortened or broken.</summary>
    private const int Unlimited = 1 << 24;

    /// <summary>The answer is JSON: nothing else may be written to standard output.</summary>
    public bool Json => json;

    public DateTimeOffset Now => time.GetUtcNow();
    public IAnsiConsole Out { get; } = Create(Console.Out, Console.IsOutputRedirected);
    public IAnsiConsole Err { get; } = Create(Console.Error, Console.IsErrorRedirected);

    /// <summary>Columns of the terminal that answers are shown on.</summary>
    public int Width => Out.Profile.Width;

    /// <summary>A person is watching: displays may redraw themselves.</summary>
    public bool IsLive => !json && Out.Profile.Capabilities.Ansi;

    public static void WriteJson<T>(T answer) =>
        Console.Out.WriteLine(JsonSerializer.Serialize(answer, (JsonTypeInfo<T>)ShownJson.Indented.GetTypeInfo(typeof(T))));

    /// <summary>Text for a file, byte for byte.</summary>
    public static void WriteText(string text) => Console.Out.Write(text);

    /// <summary>A line of markup; interpolated values are escaped, and stay in it.</summary>
    public void Line(FormattableString markup) => Out.MarkupLineInterpolated(Clean(markup));

    /// <summary>Something to know beside the answer, to standard error.</summary>
    public void Remark(FormattableString markup) => Err.MarkupLineInterpolated(Clean(markup));

    public void Write(IRenderable renderable) => Out.Write(renderable);

    /// <summary>The listing as wide as the terminal, and what had no room; nothing when it is empty.</summary>
    public void Write(Listing listing, int indent = 0)
    {
        if (listing.Count == 0) return;
        var (lines, hidden) = listing.Lay(Width, indent);
        Out.Write(lines);
        Out.WriteLine();
        if (hidden.Count == 0) return;
        var names = string.Join(", ", hidden);
        Remark($"[dim]{hidden.Count} {(hidden.Count == 1 ? "column" : "columns")} hidden: {names}; widen the terminal or use --json[/]");
    }

    /// <summary>
    /// Rendering a table for the first time costs tens of milliseconds of compilation, which fit into the wait for the platform's answer.
    /// </summary>
    public static void WarmUp() => Task.Run(() =>
    {
        var nowhere = Create(TextWriter.Null, isRedirected: false);
        var table = new Listing(Column.Text("A"), Column.Number("B")).Add("a", new Cell("b", "green"));
        nowhere.Write(table.Lay(80).Lines);
        nowhere.MarkupLineInterpolated($"[dim]{""}[/]");
    });

    private static FormattableString Clean(FormattableString markup) => FormattableStringFactory.Create(
        markup.Format, [.. markup.GetArguments().Select(value => value is string text ? TerminalFilter.OneLine(text) : value)]);

    private static IAnsiConsole Create(TextWriter writer, bool isRedirected)
    {
        var plain = isRedirected || !StandardOutput.TakesColours;
        var console = AnsiConsole.Create(new()
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = plain ? InteractionSupport.No : InteractionSupport.Detect,
            // The enrichers know continuous-integration services and turn colours on for them although nobody reads the escapes there.
            Enrichment = new() { UseDefaultEnrichers = false },
        });
        if (isRedirected) console.Profile.Width = Unlimited;
        console.Pipeline.Attach(new CleanRendering());
        return console;
    }
}
