using Serverless.Tests.Support;

namespace Serverless.Tests.Demo;

public sealed class DemoTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("demo-").FullName;

    public void Dispose() => TemporaryFolder.Delete(folder);

    [Fact(Timeout = 150_000)]
    public async Task Demo_LeadsFromOneExperimentToTheNext_AndLeavesTableReportsAndPlots()
    {
        var (exitCode, output, errors) = await BuiltPrograms.Run(
            BuiltPrograms.PathOf("cli", "exp.dll"), ["demo", "--quick", "--data", folder], TestContext.Current.CancellationToken);

        Assert.True(exitCode == 0, output + errors);
        foreach (var run in (string[])["prune-mlp", "prune-cnn", "baseline-mlnet"]) Assert.Matches($@"(?m)^{run} .*\d %", output);
        Assert.Matches("Trigger cnn-after-mlp followed it with run [0-9A-Z]{26}", errors);
        var reports = Directory.GetDirectories(Path.Combine(folder, "workspace", "reports"));
        Assert.Equal(2, reports.Length);
        var report = reports.Single(path => output.Contains(Path.Combine(path, "report.html"), StringComparison.Ordinal));
        var text = await File.ReadAllTextAsync(Path.Combine(report, "report.md"), TestContext.Current.CancellationToken);
        foreach (var run in (string[])["prune-mlp", "prune-cnn"]) Assert.Contains($"| {run} |", text, StringComparison.Ordinal);
        Assert.True(new FileInfo(Path.Combine(report, "accuracy-against-sparsity.png")).Length > 10_000);
        Assert.Contains(Path.Combine(reports.Single(path => path != report), "report.html"), errors, StringComparison.Ordinal);
    }
}
