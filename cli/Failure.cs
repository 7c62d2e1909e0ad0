namespace Serverless.Cli;

/// <summary>How a command that cannot go on says so: one line, further lines only where there are several things to change; the stack with EXP_DEBUG=1.</summary>
static class Failure
{
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
            Console.Error.WriteLine($"exp: {error.Message}");
            foreach (var line in (error as ExpException)?.Lines ?? []) Console.Error.WriteLine($"  {line}");
        }

        if (Environment.GetEnvironmentVariable("EXP_DEBUG") is { Length: > 0 }) Console.Error.WriteLine(error);
        else if (error is not (ExpException or OperationCanceledException or IOException or UnauthorizedAccessException)) Console.Error.WriteLine("This is a fault in exp itself; EXP_DEBUG=1 shows where.");
        return code;
    }
}
