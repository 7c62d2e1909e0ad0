using System.Globalization;

namespace Serverless.GpuWorker.Compile;

/// <summary>What a compiler process says, one line on its standard output: kind, space, text.</summary>
sealed record CompileAnswer(CompileAnswer.Kinds Kind, string Text = "")
{
    public enum Kinds
    {
        /// <summary>It takes requests: whatever it dies of from here on is the source's doing.</summary>
        Ready,

        /// <summary>A line for the run's log.</summary>
        Log,

        /// <summary>Done. This and what follows are the last word to a request.</summary>
        Compiled,

        /// <summary>The source is no program; the text has the first errors.</summary>
        Failed,

        /// <summary>The compiler itself stumbled over the source.</summary>
        Crashed,
        OutOfMemory,
        DiskFull,

        /// <summary>No fault of the source: a file that cannot be read, a process that somebody ended.</summary>
        Broken,
    }

    public string ToLine() => string.Create(CultureInfo.InvariantCulture, $"{(int)Kind} {Text.ReplaceLineEndings(" ")}\n");

    /// <summary>Null when the line is something else.</summary>
    public static CompileAnswer? From(string line) =>
        line.Length >= 2 && line[1] == ' ' && line[0] is >= '0' and <= '7' ? new((Kinds)(line[0] - '0'), line[2..]) : null;
}
