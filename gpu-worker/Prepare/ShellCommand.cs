using System.Buffers;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Command lines for the shell. Of one that only starts a program the shell becomes that program: signals that are sent to the command, or by it to
/// its own group, meet nobody in between.
/// </summary>
static class ShellCommand
{
    /// <summary>With any of these it may be more than one program, or be no program's to begin with.</summary>
    private static readonly SearchValues<char> More = SearchValues.Create(";&|()<>`\n\r#{}!");

    /// <summary>What the shell itself does, and programs of the same name do otherwise or do not exist.</summary>
    private static readonly HashSet<string> OfTheShell = new(StringComparer.Ordinal)
    {
        ".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "echo", "elif", "else", "esac", "eval", "exec",
        "exit", "export", "false", "fc", "fg", "fi", "for", "function", "getopts", "hash", "if", "in", "jobs", "kill", "local", "printf", "pwd",
        "read", "readonly", "return", "set", "shift", "source", "test", "then", "time", "times", "trap", "true", "type", "ulimit", "umask",
        "unalias", "unset", "until", "wait", "while",
    };

    /// <summary>The line with <c>exec</c> before it, if it is one program with its arguments; else as it is.</summary>
    public static string OfOneProgram(string line)
    {
        var text = line.AsSpan().Trim();
        var end = text.IndexOfAny(' ', '\t');
        var program = end < 0 ? text : text[..end];
        var isOne = program.Length > 0 && !text.ContainsAny(More) && IsName(program) && !OfTheShell.Contains(program.ToString());
        return isOne ? $"exec {text}" : line;
    }

    private static bool IsName(ReadOnlySpan<char> word)
    {
        foreach (var c in word)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('/' or '.' or '_' or '-' or '+')) return false;
        }

        return word[0] != '-';
    }
}
