using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Core.Spec;

namespace Serverless.Cli;

/// <summary>How a command that cannot go on says so: one line, further lines only where there are several things to change; the stack with EXP_DEBUG=1.</summary>
static class Failure
{
    /// <summary>A command line that cannot be understood.</summary>
    public static ExitCode Report(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var words = command.Subcommands.SelectMany(one => one.Aliases.Prepend(one.Name)).Concat(command.Options.SelectMany(one => one.Aliases.Prepend(one.Name))).ToList();
        foreach (var unknown in parsed.UnmatchedTokens) StandardOutput.Error($"exp: '{unknown}' is not known to exp {Root.PathOf(command)}".TrimEnd() + Suggestion.Clause(unknown, words));
        if (parsed.UnmatchedTokens.Count == 0)
        {
            foreach (var error in parsed.Errors) StandardOutput.Error($"exp: {string.Join(' ', error.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}");
        }

        StandardOutput.Error($"See: exp {Root.PathOf(command)}--help");
        return ExitCode.Usage;
    }

    public static ExitCode Report(Exception error, Interrupts interrupts)
    {
        var code = error switch
        {
            OperationCanceledException when interrupts.First.IsCancellationRequested => ExitCode.Interrupted,
            ExpException expected => expected.Code,
            IOException or UnauthorizedAccessException => ExitCode.Usage,
            _ => ExitCode.Unreachable,
        };
        if (code != ExitCode.Interrupted)
        {
            StandardOutput.Error($"exp: {error.Message}");
            foreach (var line in (error as ExpException)?.Lines ?? []) StandardOutput.Error($"  {line}");
        }

        if (Environment.GetEnvironmentVariable("EXP_DEBUG") is { Length: > 0 }) StandardOutput.Error(error.ToString());
        else if (error is not (ExpException or OperationCanceledException or IOException or UnauthorizedAccessException)) StandardOutput.Error("This is a fault in exp itself; EXP_DEBUG=1 shows where.");
        return code;
    }
}
