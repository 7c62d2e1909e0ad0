using System.Text.RegularExpressions;
using Serverless.Contract;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

/// <summary>The programs of docs/training.md, as they stand there.</summary>
public sealed partial class TrainingDocTests
{
    [Fact]
    public async Task BothLoops_EndWithTheSameWeights_AlsoAfterAResume()
    {
        var programs = Code()
            .Matches(
                await File.ReadAllTextAsync(Path.Combine(SdkProgram.Experiments, "..", "docs", "training.md"), TestContext.Current.CancellationToken))
            .Select(match => match.Groups[1].Value).Where(code => code.StartsWith("using ", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, programs.Count);
        using var withTrainer = new SdkRunFolder();
        (await withTrainer.Run(SdkProgram.OfSource(programs[0]))).Succeeded();
        using var byHand = new SdkRunFolder();
        (await byHand.Run(SdkProgram.OfSource(programs[1]))).Succeeded();
        using var resumed = new SdkRunFolder().Set(ContractNames.Resume, byHand.Checkpoint(8));
        (await resumed.Run(SdkProgram.OfSource(programs[1]))).Succeeded();

        Assert.True(Directory.Exists(withTrainer.Checkpoint(20)));
        Assert.Equal(Weights(withTrainer), Weights(byHand));
        Assert.Equal(Weights(withTrainer), Weights(resumed));
        Assert.Equal(withTrainer.Metrics().Select(point => (point.Name, point.Step, point.Value)),
            byHand.Metrics().Select(point => (point.Name, point.Step, point.Value)));
    }

    private static byte[] Weights(SdkRunFolder folder) => File.ReadAllBytes(Path.Combine(folder.Output, "artifacts", "model.safetensors"));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Code();
}
