using System.Diagnostics;
using System.Text;

namespace Serverless.Tests.Support;

/// <summary>The real <c>exp</c> on a real terminal of a given width; <c>script</c> of util-linux makes one.</summary>
static class ExpTerminal
{
    /// <summary>Runs a command on a terminal that takes no control sequences.</summary>
    /// <returns>What a person sees, of standard output and standard error in their order.</returns>
    public static async Task<(int ExitCode, string[] Lines)> Run(ExpPlatform platform, int columns, params string[] arguments)
    {
        var (code, output) = await Watch(platform, columns, "dumb", _ => { }, arguments);
        return (code, output.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'));
    }

    /// <summary>Runs a command and is told, whenever there is more of it, all that it has written so far, control sequences and all.</summary>
    public static async Task<(int ExitCode, string Output)> Watch(
        ExpPlatform platform, int columns, string terminal, Action<string> seen, params string[] arguments)
    {
        var words = arguments.Prepend(BuiltPrograms.PathOf("cli", "exp")).Select(word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'");
        var start = new ProcessStartInfo(
            "script", ["-q", "-e", "-f", "-c", $"stty cols {columns} rows 50; exec {string.Join(' ', words)}", "/dev/null"])
        {
            WorkingDirectory = platform.Folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(ExpProcess.IsTesters).ToList()) start.Environment.Remove(name);
        start.Environment["HOME"] = platform.Folder;
        start.Environment["EXP_DATA"] = platform.Data;
        start.Environment["TERM"] = terminal;
        start.Environment["SHELL"] = "/bin/sh";

        // Its input stays open: a terminal whose input ends hangs up.
        using var script = Process.Start(start)!;
        try
        {
            var output = new StringBuilder();
            var buffer = new char[4096];
            for (int read; (read = await script.StandardOutput.ReadAsync(buffer).AsTask().WaitAsync(ExpProcess.Patience)) > 0;)
            {
                seen(output.Append(buffer, 0, read).ToString());
            }

            await script.WaitForExitAsync().WaitAsync(ExpProcess.Patience);
            return (script.ExitCode, output.ToString());
        }
        finally
        {
            if (!script.HasExited) script.Kill(entireProcessTree: true);
        }
    }
}
