using System.CommandLine;
using Serverless.Cli.Terminal;

namespace Serverless.Cli;

/// <summary>
/// How a command that cannot go on says so: one line, further lines only where there are several things to change; the stack with EXP_DEBUG=1.
/// </summary>
static class Errors
{
    /// <summary>A command line that cannot be understood.</summary>
    public static ExitCode Report(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var unexpected = Unexpected.In(parsed);
        foreach (var one in unexpected) StandardOutput.Error($"exp: {one}");
        if (unexpected.Count == 0)
        {
            foreach (var error in parsed.Errors.Select(ParseErrors.Say).Distinct()) StandardOutput.Error($"exp: {error}");
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
        else if (error is not (ExpException or OperationCanceledException or IOException or UnauthorizedAccessException))
        {
            StandardOutput.Error("This is a fault in exp itself; EXP_DEBUG=1 shows where.");
        }

        return code;
    }
}
