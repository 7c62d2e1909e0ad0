using Serverless.Tests.Support;

namespace Serverless.Tests.Demo;

public class BenchTests
{
    [Fact(Timeout = 300_000)]
    public async Task Bench_MeasuresEverything_WhenAskedToBeQuick()
    {
        var (exitCode, output, errors) = await BuiltPrograms.Run(BuiltPrograms.PathOf("bench", "Serverless.Bench.dll"), ["--quick"], TestContext.Current.CancellationToken);

        Assert.True(exitCode == 0, output + errors);
        foreach (var measure in (string[])["first-line", "tiny-runs", "submissions", "list", "training", "log", "checkpoint", "store", "bus", "file-events", "triggers"]) Assert.Contains($" {measure} ", output);
    }
}
