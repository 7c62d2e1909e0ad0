using System.ComponentModel;
using System.Diagnostics;

namespace Serverless.Cli.Submit;

/// <summary>What git knows of a folder or file.</summary>
/// <param name="Root">The repository's folder.</param>
/// <param name="Commit">Null when what is there is not exactly what a commit holds.</param>
sealed record Git(string Root, string? Commit)
{
    /// <summary>Null outside a repository, and where there is no git.</summary>
    public static Git? Of(string path)
    {
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (Ask(folder, "rev-parse", "--show-toplevel") is not { Length: > 0 } root) return null;
        var commit = Ask(folder, "rev-parse", "--verify", "--quiet", "HEAD");
        var changes = commit is null ? null : Ask(folder, "status", "--porcelain", "--", Path.GetFullPath(path));
        return new(root, changes is "" ? commit : null);
    }

    private static string? Ask(string folder, params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo("git") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        try
        {
            using var git = Process.Start(start)!;
            git.ErrorDataReceived += (_, _) => { };
            git.BeginErrorReadLine();
            var said = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? said : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
