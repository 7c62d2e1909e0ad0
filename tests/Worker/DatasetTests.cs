using Serverless.Core;
using Serverless.Core.Datasets;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Datasets as the code finds them.</summary>
public sealed class DatasetTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private WorkerRig Rig => shared.Rig;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AVersion_IsAFolderOfItsName_ReadOnly_AsItWasPublished()
    {
        await Publish("digits", ("train.csv", "1\n"), ("deep/same.csv", "1\n"));
        var run = await Rig.SubmitShell("cd $EXP_INPUTS/digits; find . -type f | sort; cat train.csv deep/same.csv; stat -c %a train.csv",
            spec => spec with { Inputs = ["digits:latest"] });
        await Publish("digits", ("train.csv", "later\n"));
        Assert.Equal(RunState.Succeeded, (await Rig.Ended(run)).State);
        Assert.Equal("./deep/same.csv\n./train.csv\n1\n1\n444\n", await Rig.Log(run));
    }

    [Fact]
    public async Task AContentThatWasDamaged_IsNotGivenToTheCode()
    {
        var file = await Publish("damaged", ("train.csv", "good\n"));
        await Rig.PutText(WorkspacePaths.Content(file), "evil\n");
        var ended = await Rig.Ended(await Rig.SubmitShell("cat $EXP_INPUTS/damaged/train.csv", spec => spec with { Inputs = ["damaged:1"] }));
        Assert.Equal((RunState.Failed, Cause.InputChanged, "train.csv of dataset damaged:1 changed since submission"),
            (ended.State, ended.Cause, ended.Message));
    }

    /// <returns>Hash of the first file.</returns>
    private async Task<string> Publish(string name, params (string Path, string Text)[] files)
    {
        var folder = $"data/{name}-{new SystemIds(TimeProvider.System).Nonce()}/";
        foreach (var (path, text) in files) await Rig.PutText(folder + path, text);
        var catalog = new DatasetCatalog(Rig.Store);
        var publishing = new DatasetPublishing(LocalWorkspaces.Default, Rig.Store, Rig.Bus, new SystemIds(TimeProvider.System), catalog);
        var version = Assert.IsType<PublishResult.Published>(await publishing.Publish(name, folder, null, Cancel)).Version;
        return (await catalog.Get(name, version.Number, Cancel))!.Files.Single(file => file.Path == files[0].Path).Sha256;
    }
}
