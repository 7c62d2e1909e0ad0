using Spectre.Console;
using Spectre.Console.Rendering;

namespace Serverless.Cli.Terminal;

/// <summary>Whatever is drawn passes here last, so that no table, tree or display can bring a control character to the terminal.</summary>
sealed class CleanRendering : IRenderHook
{
    public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) =>
        renderables.Select(renderable => new CleanRenderable(renderable));

    private sealed class CleanRenderable(IRenderable inner) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => inner.Render(options, maxWidth).Select(Clean);
    }

    // Line breaks and the display's own control codes are segments of their own kinds.
    private static Segment Clean(Segment segment)
    {
        if (segment.IsLineBreak || segment.IsControlCode) return segment;
        var text = TerminalFilter.OneLine(segment.Text);
        return ReferenceEquals(text, segment.Text) ? segment : new(text, segment.Style);
    }
}
