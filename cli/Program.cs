using System.CommandLine.Invocation;
using Serverless.Cli;
using Serverless.Core;

using var interrupts = new Interrupts();
var world = new World(TimeProvider.System, new SystemIds(TimeProvider.System), interrupts);
try
{
    var parsed = Root.Create(world).Parse(args);
    if (parsed.Action is ParseErrorAction) return (int)Failure.Report(parsed);
    return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupts.First);
}
catch (Exception e)
{
    return (int)Failure.Report(e, interrupts);
}
