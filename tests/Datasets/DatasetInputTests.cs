using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Core.Versions;
using Serverless.Tests.Support;

namespace Serverless.Tests.Datasets;

public sealed class DatasetInputTests
{
    private readonly DatasetRig rig = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ADatasetAsInput_IsResolvedAndRecordedAtSubmission()
    {
        var first = await Version("1");
        var run = await Submit("digits:latest");
        await Version("2");
        Assert.Equal(new DatasetRef("digits", 1, first.Sha256, 1, 1), Assert.Single((await Load(run)).Spec.Datasets));
        Assert.Equal(2, (await Load(await Submit("digits:latest"))).Spec.Datasets[0].Number);
    }

    [Fact]
    public async Task HowAVersionIsNamed_IsNoPartOfTheKey_ItsContentIs()
    {
        var hash = (await Version("1")).Sha256;
        var run = await Submit("digits:latest");
        Assert.Equal(run, await Submit("digits:1"));
        Assert.Equal(run, await Submit($"digits@{hash[..10]}"));
        await Version("2");
        var second = await Submit("digits:latest");
        Assert.NotEqual(run, second);
        Assert.Equal(2, (await Load(second)).Version);
        Assert.Equal(
            new KeyDifference("datasets", "digits", "digits:1", "digits:2"),
            Assert.Single(KeyDifference.Between((await Load(run)).Spec, (await Load(second)).Spec, default)));
    }

    [Fact]
    public async Task EverythingThatIsWrong_IsSaidAtOnce_EachAtItsPlace()
    {
        await Version("1");
        await rig.Put("data/digits/x", "1");
        Assert.Equal(
            [
                "inputs[0]: there is no dataset 'digist'; did you mean 'digits'?",
                "inputs[1]: dataset 'digits' has no version 9; its latest is digits:1",
                "inputs[2]: there is no file 'data/none' in the workspace",
            ],
            await Problems("digist:latest", "digits:9", "data/none"));
        Assert.Equal("inputs[1]: dataset 'digits' is there twice, and both versions would be in the folder digits below EXP_INPUTS; name one",
            Assert.Single(await Problems("digits:1", "digits:latest")));
        Assert.Equal("inputs: digits:1 and data/digits/x would both be digits below EXP_INPUTS; name one of the two",
            Assert.Single(await Problems("digits:1", "data/digits/")));
    }

    private async Task<DatasetVersionInfo> Version(string text)
    {
        await rig.Put("data/in/x", text);
        return await rig.Publish(path: "data/in");
    }

    private async Task<SubmitResult> Result(params string[] inputs)
    {
        rig.Time.Advance(TimeSpan.FromSeconds(1));
        var spec = new ExperimentSpec
        {
            Project = "pruning", Name = "mlp", Command = "train.cs", Code = new(await Snapshots.Put(rig.Store, ("train.cs", ""))), Inputs = inputs,
            Params = new Dictionary<string, JsonElement>(),
        };
        return await new Submission("team", rig.Store, rig.Bus, new SystemIds(rig.Time), new()).Submit(spec, null, cancel: Cancel);
    }

    private async Task<string> Submit(string input) => Assert.IsType<SubmitResult.Accepted>(await Result(input)).Answer.Runs[0].Id;

    private async Task<IEnumerable<string>> Problems(params string[] inputs) =>
        Assert.IsType<SubmitResult.Invalid>(await Result(inputs)).Problems.Select(problem => problem.ToString()).Order(StringComparer.Ordinal);

    private async Task<RunRecord> Load(string run) => (await new RunStore(rig.Store).Load(run, Cancel))!.Run;
}
