// The one place that may: everything that commands write passes here or through Output, and is made harmless on its way to a terminal.
#pragma warning disable RS0030

using System.Text;

namespace Serverless.Cli.Terminal;

/// <summary>
/// What other programs may read, as it is: to a file or a pipe byte for byte, to a terminal as <see cref="TerminalFilter"/> lets it through.
/// </summary>
static class StandardOutput
{
    private static readonly TerminalFilter Filter = new(TakesColours);

    public static bool IsTerminal => !Console.IsOutputRedirected;

    public static bool TakesColours =>
        Environment.GetEnvironmentVariable("NO_COLOR") is not { Length: > 0 } && Environment.GetEnvironmentVariable("TERM") is not "dumb";

    public static Stream Open() => IsTerminal ? new TerminalStream(Console.OpenStandardOutput(), TakesColours) : Console.OpenStandardOutput();

    /// <summary>Goes on where the text before ended.</summary>
    public static void Write(string text) => Console.Out.Write(IsTerminal ? Filter.Add(text) : text);

    public static void WriteLine(string text) => Write(text + "\n");

    /// <summary>After text that may have set colours.</summary>
    public static void End()
    {
        if (IsTerminal && Filter.IsColoured) Console.Out.Write(TerminalFilter.Uncoloured);
    }

    /// <summary>A line, or several, for people: to standard error, without control characters wherever that leads.</summary>
    public static void Error(string text) => Console.Error.WriteLine(TerminalFilter.Lines(text));

    /// <summary>From now on nothing fails because nobody hears what is said on standard error.</summary>
    public static void AllowUnheardErrors() => Console.SetError(new UnheardWriter(Console.Error));

    /// <summary>A person can be asked.</summary>
    public static bool CanAsk => !Console.IsInputRedirected && !Console.IsErrorRedirected;

    public static bool CanType => !Console.IsInputRedirected;

    public static Stream OpenInput() => Console.OpenStandardInput();

    public static string? ReadLine() => Console.In.ReadLine();

    /// <summary>Asks for something without showing it.</summary>
    public static string AskSecretly(string question)
    {
        Console.Error.Write(TerminalFilter.OneLine(question));
        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } pressed)
        {
            if (pressed.Key != ConsoleKey.Backspace) typed.Append(pressed.KeyChar);
            else if (typed.Length > 0) typed.Length--;
        }

        Console.Error.WriteLine();
        return typed.ToString();
    }
}
