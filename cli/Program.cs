using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;
using Serverless.Cli.Terminal;
using Serverless.Core;

namespace Serverless.Cli;

static class Program
{
    private static int Main(string[] args) => OpenFileLimit.Refuse(least: 64) ? (int)ExitCode.Usage : Run(args).GetAwaiter().GetResult();

    // What it names is loaded when it is called, and not before.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<int> Run(string[] args)
    {
        StandardOutput.AllowUnheardErrors();
        using var interrupts = new Interrupts();
        var world = new World(TimeProvider.System, new SystemIds(TimeProvider.System), interrupts);
        try
        {
            var parsed = Root.Create(world).Parse(args);
            var isCommand = parsed.Action == parsed.CommandResult.Command.Action;
            if (parsed.Action is ParseErrorAction || (isCommand && Unexpected.In(parsed).Count > 0)) return (int)Errors.Report(parsed);
            return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupts.First);
        }
        catch (Exception e)
        {
            return (int)Errors.Report(e, interrupts);
        }
    }
}
