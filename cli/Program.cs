using System.CommandLine.Invocation;
using Serverless.Cli;
using Serverless.Core;

using var interrupts = new Interrupts();
var world = new World(TimeProvider.System, new SystemIds(TimeProvider.System), interrupts);
try
{
    var parsed = Root.Create(world).Parse(args);
    var isCommand = parsed.Action == parsed.CommandResult.Command.Action;
    if (parsed.Action is ParseErrorAction || (isCommand && Unexpected.In(parsed).Count > 0)) return (int)Failure.Report(parsed);
    return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupts.First);
}
catch (Exception e)
{
    return (int)Failure.Report(e, interrupts);
}
