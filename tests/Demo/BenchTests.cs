using Serverless.Tests.Support;

namespace Serverless.Tests.Demo;

public class BenchTests
{
    [Fact(Timeout = 300_000)]
    public async Task Bench_MeasuresEverything_WhenAskedToBeQuick()
    {
        var (exitCode, output, errors) = await BuiltPrograms.Run(
            BuiltPrograms.PathOf("bench", "Serverless.Bench.dll"), ["--quick"], TestContext.Current.CancellationToken);

        Assert.True(exitCode == 0, output + errors);
        foreach (var measure in (string[])[
            "first-line", "tiny-runs", "submissions", "list", "training", "log", "parse", "checkpoint", "store", "bus", "file-events", "triggers", "recovery"])
        {
            Assert.Contains($" {measure} ", output);
        }
    }

    [Fact]
    public async Task Simulate_TriesSeedsForAWhile_AndShowsOne()
    {
        var searched = await Bench("simulate", "--minutes", "0.02");
        var shown = await Bench("simulate", "--seed", "7");
        var wrong = await Bench("simulate", "--seeds", "7");

        Assert.Contains("no law was broken", searched.Output, StringComparison.Ordinal);
        Assert.Contains("worker0", shown.Output, StringComparison.Ordinal);
        Assert.EndsWith("seed 7: no law was broken\n", shown.Output, StringComparison.Ordinal);
        Assert.Equal((0, 0, 2), (searched.ExitCode, shown.ExitCode, wrong.ExitCode));
        Assert.Contains("--minutes", wrong.Errors, StringComparison.Ordinal);
    }

    private static Task<(int ExitCode, string Output, string Errors)> Bench(params string[] args) =>
        BuiltPrograms.Run(BuiltPrograms.PathOf("bench", "Serverless.Bench.dll"), args, TestContext.Current.CancellationToken);
}
