using System.Runtime.InteropServices;
using Serverless.Bench;
using Serverless.Bench.Measures;
using Spectre.Console;

// Measures start this program again as their other processes.
if (args is ["child", .. var child]) return await Children.Run(child);
if (args is ["simulate", .. var simulate]) return Simulate.Run(simulate, TimeProvider.System);

IMeasure[] all =
[
    new TinyRuns(), new FirstLine(), new Training(), new LogCall(), new ParseLogs(), new Watching(), new CheckpointStall(), new Submissions(),
    new ListRuns(), new Curves(), new StoreCalls(), new BusHop(), new FileEventHop(), new TriggerHop(), new Recovery(),
];
var quick = args.Contains("--quick");
var names = args.Where(arg => !arg.StartsWith('-')).ToList();
if (args.Any(arg => arg.StartsWith('-') && arg != "--quick") || names.Any(name => all.All(measure => measure.Name != name)))
{
    Console.Error.WriteLine($"usage: dotnet run -c Release --project bench -- [--quick] [NAME...]\n       {Simulate.Usage}");
    foreach (var measure in all) Console.Error.WriteLine($"  {measure.Name,-12} {measure.What}");
    return 2;
}

var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Out), Enrichment = new() { UseDefaultEnrichers = false } });
if (Console.IsOutputRedirected) console.Profile.Width = 220;
using var stop = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}

using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var folder = Directory.CreateTempSubdirectory("exp-bench-").FullName;
var load = Machine.Load();
var rows = new List<(IMeasure, Row)>();
var failed = false;
try
{
    await using var bench = new Bench(folder, quick, line => Console.Error.WriteLine($"  {line}"));
    foreach (var measure in all.Where(measure => names.Count == 0 || names.Contains(measure.Name)))
    {
        Console.Error.WriteLine($"{measure.Name}: {measure.What}");
        try
        {
            foreach (var row in await measure.Run(bench, stop.Token)) rows.Add((measure, row));
        }
        catch (ImpossibleFigureException impossible)
        {
            failed = true;
            Console.Error.WriteLine($"{measure.Name} failed: {impossible.Message}. That cannot be right, so none of its figures count.");
        }
    }
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    Console.Error.WriteLine("Stopped; what was measured until then:");
}
finally
{
    if (rows.Count > 0)
    {
        ResultTable.Print(console, rows, quick);
        console.WriteLine($"{Machine.Describe()}; {load}");
        console.WriteLine($"Again: dotnet run -c Release --project bench -- {string.Join(' ', args)}".TrimEnd());
        if (quick) console.WriteLine("--quick: this shows that everything works; the figures mean nothing.");
    }

    Directory.Delete(folder, recursive: true);
}

return stop.IsCancellationRequested ? 130 : failed ? 1 : 0;
