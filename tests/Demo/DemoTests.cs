using Serverless.Tests.Support;

namespace Serverless.Tests.Demo;

public sealed class DemoTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("demo-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact(Timeout = 150_000)]
    public async Task Demo_RunsTheThreeExperiments_AndLeavesTableReportAndPlots()
    {
        var (exitCode, output, errors) = await BuiltPrograms.Run(BuiltPrograms.PathOf("cli", "exp.dll"), ["demo", "--quick", "--data", folder], TestContext.Current.CancellationToken);

        Assert.True(exitCode == 0, output + errors);
        foreach (var run in (string[])["prune-mlp", "prune-cnn", "baseline-mlnet"]) Assert.Matches($@"(?m)^{run} .*\d %", output);
        var report = Assert.Single(Directory.GetDirectories(Path.Combine(folder, "workspace", "reports")));
        Assert.Contains(Path.Combine(report, "report.html"), output);
        Assert.Contains("| prune-mlp |", await File.ReadAllTextAsync(Path.Combine(report, "report.md"), TestContext.Current.CancellationToken));
        Assert.True(new FileInfo(Path.Combine(report, "accuracy-against-sparsity.png")).Length > 10_000);
    }
}
