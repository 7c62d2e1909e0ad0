using System.Text.RegularExpressions;

namespace Serverless.Client;

/// <summary>Texts that a run's settings are made of.</summary>
public static class RunForms
{
    /// <summary>Of a project, an experiment, a dataset, a trigger.</summary>
    public sealed class Name() : TextForm(@"[a-z0-9][a-z0-9\-._]{0,62}",
        "a name: a–z, 0–9, '-', '.' and '_', a letter or digit first, at most 63 characters");

    public sealed class MachineClass() : TextForm(@"[a-z0-9][a-z0-9\-]{0,39}", "a machine class: a–z, 0–9 and '-', at most 40 characters");

    /// <summary>A command line that a shell reads.</summary>
    public sealed class ShellCommand() : TextForm(@"[\s\S]*\S[\s\S]*", "a command line")
    {
        public override int MostBytes => 16 * 1024;
    }

    public sealed class Variable() : TextForm(@"[A-Za-z_][A-Za-z0-9_]{0,127}",
        "a variable's name: letters, digits and '_', not a digit first, at most 128 characters")
    {
        protected override string? Further(string text) =>
            text.StartsWith("EXP_", StringComparison.OrdinalIgnoreCase) ? "names beginning with EXP_ are the platform's own; take another" : null;
    }

    /// <summary>The code gets them in its environment, where one entry has limits of its own.</summary>
    public sealed class Value() : TextForm(@"[\s\S]*", "text")
    {
        public override int MostBytes => MaxValueBytes;
    }

    /// <summary>Of one parameter or variable.</summary>
    public const int MaxValueBytes = 32 * 1024;

    public sealed class ParamName() : TextForm(@"[A-Za-z_][A-Za-z0-9_.\-]{0,127}",
        "a parameter's name: letters, digits, '_', '.' and '-', a letter or '_' first, at most 128 characters");

    public sealed class Metric() : TextForm(@"[^\u0000-\u001f\u007f-\u009f]{1,256}", "a metric's name: 1 to 256 characters");

    /// <summary>A regular expression for printed lines.</summary>
    public sealed class MetricPattern() : TextForm(
        @"[^\u0000-\u001f]*\(\?P?<[A-Za-z_][A-Za-z0-9_]*>[^\u0000-\u001f]*",
        @"a regular expression with a named group for each metric, as in (?<loss>\S+)")
    {
        private const int Longest = 500;

        /// <summary>Groups that say where; all others are metrics.</summary>
        public static IReadOnlyList<string> Places { get; } = ["step", "epoch"];

        /// <summary>Python's way of naming groups is understood, too.</summary>
        /// <exception cref="ArgumentException">It is no expression.</exception>
        /// <exception cref="NotSupportedException">It looks ahead, behind or back, or is too large.</exception>
        public static Regex Compile(string pattern) => new(
            pattern.Replace("(?P<", "(?<", StringComparison.Ordinal),
            RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture);

        protected override string? Further(string text)
        {
            if (text.Length > Longest) return $"is longer than {Longest} characters";
            try
            {
                return Compile(text).GetGroupNames().Skip(1).Except(Places).Any()
                    ? null
                    : $"'{text}' is not {Wanted}";
            }
            catch (ArgumentException e)
            {
                return $"'{text}' is no regular expression: {e.Message}";
            }
            catch (NotSupportedException)
            {
                return $"'{text}' looks ahead, behind or back, or is too large: lines are read without backtracking";
            }
        }
    }

    public sealed class Range() : TextForm($@"{Bound}\.\.{Bound}", "a range; write 0.95.. for at least, ..0.1 for at most, or 0.4..0.6")
    {
        private const string Bound = @"\s*([+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+\-]?[0-9]+)?)?\s*";

        protected override string? Further(string text) => CheckRange.Parse(text) is not null ? null
            : $"'{text}' is not {Wanted}" + (text.Contains("base", StringComparison.OrdinalIgnoreCase)
                ? "; checks against another commit are not supported by this version" : "");
    }
}
