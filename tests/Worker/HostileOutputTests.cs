using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>
/// Code that succeeds and leaves the strangest files: its run succeeds at the first attempt,
/// says what was left out, and its worker is none the worse for it.
/// </summary>
public sealed class HostileOutputTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    /// <summary>What docs/guarantees.md promises of a worker beside what its code prints.</summary>
    private const long MaxWorkerBytes = 512L << 20;

    private readonly WorkerRig rig = shared.Rig;

    [Fact]
    public async Task ArtifactThatBecomesAFolder_AndAFolderThatBecomesAFile_AreKeptAsTheyWereLast()
    {
        var run = await rig.SubmitShell(
            """
            cd $EXP_OUTPUT/artifacts; echo file > best; mkdir last; echo inside > last/weights
            until [ -e $EXP_OUTPUT/go ]; do sleep 0.05; done
            rm best; mkdir best; echo folder > best/weights; rm -r last; echo file > last
            """);
        await rig.Until(run, record => record.State == RunState.Running);
        await WorkerRig.Until(async () => await Uploaded("best") && await Uploaded("last/weights"), () => "nothing was uploaded while the code ran");
        await File.WriteAllTextAsync(
            Path.Combine(
                Directory.GetDirectories(Path.Combine(rig.Folder), "*", SearchOption.AllDirectories).Single(
                    folder => folder.EndsWith($"{run}-1/output", StringComparison.Ordinal)), "go"), "", TestContext.Current.CancellationToken);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 1, null as LeftOut), (ended.State, ended.Epoch, ended.LeftOut));
        var outputs = await rig.Outputs(ended);
        Assert.Equal(["best/weights", "last"], outputs.Artifacts.Select(file => file.Path));
        Assert.Equal(["folder\n", "file\n"], await Task.WhenAll(outputs.Artifacts.Select(file => rig.Text(file.Key))));

        async Task<bool> Uploaded(string path) => (await rig.Store.Head(Core.Workspaces.WorkspacePaths.Artifact(run, 1, path))).Value is not null;
    }

    [Fact]
    public async Task PipesLinksAndDevices_WhereverTheyAre_AreNamed_AndNobodyWaitsForThem()
    {
        await rig.PutText("data/treasure", "mine");
        var run = await rig.SubmitShell(
            """
            cd $EXP_OUTPUT; mkdir -p checkpoints/8 artifacts/sub; mkfifo checkpoints/8/checkpoint.json artifacts/sub/pipe metrics.jsonl; ln -s /dev/zero checkpoints/8/zero; echo w > checkpoints/8/w
            mkdir checkpoints/9; ln -s /dev/zero checkpoints/9/checkpoint.json; echo w > checkpoints/9/w; ln -s /etc checkpoints/10
            printf 'x' > "$(printf 'artifacts/\377\376')"; printf 'x' > "$(printf 'artifacts/tab\there')"; ln -s /etc data/etc; ln -s /dev/zero metrics.expm
            p=artifacts/deep; for i in $(seq 1 60); do p=$p/aaaaaaaaaaaaaaaaaaaa; done; mkdir -p $p; echo x > $p/x
            truncate -s 2T artifacts/hollow; echo fine > artifacts/fine
            """);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 1), (ended.State, ended.Epoch));
        Assert.Equal(["fine"], (await rig.Outputs(ended)).Artifacts.Select(file => file.Path));
        Assert.Equal([8, 9], ended.Checkpoints.Select(checkpoint => checkpoint.Step));
        foreach (var checkpoint in ended.Checkpoints) Assert.Equal(["w"], (await rig.Manifest(checkpoint)).Files.Select(file => file.Path));
        var left = ended.LeftOut!.Files.ToDictionary(file => file.Path, file => file.Why);
        Assert.Equal(ended.LeftOut.Count, left.Count);
        Assert.Equal("it is a named pipe", left["checkpoints/8/checkpoint.json"]);
        Assert.Equal("it is a link; copy what it points to", left["checkpoints/8/zero"]);
        Assert.Equal("it is a link; copy what it points to", left["checkpoints/9/checkpoint.json"]);
        Assert.Equal("it is a link; copy what it points to", left["checkpoints/10"]);
        Assert.Equal("it is a named pipe", left["artifacts/sub/pipe"]);
        Assert.Equal("it is a named pipe", left["metrics.jsonl"]);
        Assert.Equal("it is a link; copy what it points to", left["metrics.expm"]);
        Assert.Equal("it is a link; copy what it points to", left["data/etc"]);
        Assert.Equal("its name is not UTF-8; rename it", left["artifacts/\uFFFD\uFFFD"]);
        Assert.Equal("the path has a control character", left["artifacts/tab\uFFFDhere"]);
        Assert.Equal("it is 2048 GiB of almost nothing but holes", left["artifacts/hollow"]);
        Assert.Contains(
            left, one => one.Key.StartsWith("artifacts/deep/aaaa", StringComparison.Ordinal) && one.Value == "its path is longer than 900 bytes");
        Assert.Contains("[worker] left out: artifacts/sub/pipe: it is a named pipe\n", await rig.Log(run), StringComparison.Ordinal);
        await shared.LivesOn();
    }

    [Theory]
    [InlineData("checkpoints")]
    [InlineData("artifacts")]
    [InlineData("data")]
    public async Task OutputFolderThatIsALink_IsNotFollowed_AndNothingBehindItIsDeleted(string folder)
    {
        using var elsewhere = new TemporaryFolder();
        foreach (var step in (string[])["1", "2"])
        {
            Directory.CreateDirectory(elsewhere[step]);
            await File.WriteAllTextAsync(elsewhere[$"{step}/w"], "mine", TestContext.Current.CancellationToken);
        }

        var ended = await rig.Ended(await rig.SubmitShell($"cd $EXP_OUTPUT; rmdir {folder}; ln -s {elsewhere.Path} {folder}"));

        Assert.Equal((RunState.Succeeded, 0, null as string), (ended.State, ended.Checkpoints.Count, ended.Outputs));
        Assert.Equal(new LeftOutFile(folder, "it is a link; copy what it points to"), Assert.Single(ended.LeftOut!.Files));
        Assert.Equal(["1", "2"], Directory.GetDirectories(elsewhere.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("mine", await File.ReadAllTextAsync(elsewhere["1/w"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task FileThatSetupReplacesByAPipe_IsLeftOut_AndTheCodeRuns()
    {
        var run = await rig.Submit(
            spec => spec with { Command = "ls lib; cat here", Setup = "rm gone lib/gone; mkfifo gone lib/gone" }, ("here", "here\n"), ("gone", "x"),
            ("lib/gone", "x"), ("lib/there", "x"));

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        Assert.EndsWith("there\nhere\n", await rig.Log(run), StringComparison.Ordinal);
        Assert.Equal([new("code/gone", "it is a named pipe"), new("code/lib/gone", "it is a named pipe")], ended.LeftOut!.Files);
    }

    [Fact]
    public async Task WhatSetupLeavesWithNamesThatAreNotUtf8_IsLeftOut_AndTheCodeRuns()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere names are text");
        var run = await rig.Submit(
            spec => spec with { Command = "ls", Setup = "mkdir -p $(printf 'd\\377')/x lib; touch $(printf 'lib/caf\\351')" }, ("here", "x"));

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 1), (ended.State, ended.Epoch));
        Assert.EndsWith("here\nlib\n", await rig.Log(run), StringComparison.Ordinal);
        Assert.Equal(["code/d\ufffd", "code/lib/caf\ufffd"], ended.LeftOut!.Files.Select(file => file.Path));
    }

    /// <summary>Each of these took the worker gigabytes, or would: what it holds of a file is bounded, whatever the file says of itself.</summary>
    [Fact]
    public async Task WhateverCodeLeaves_TheWorkersMemoryIsBounded()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the most that a process ever had is told on Linux");
        await using var own = new WorkerRig();
        var worker = await own.StartWorker();
        var run = await own.SubmitCSharp(
            """
            using System.Text;
            var output = Environment.GetEnvironmentVariable("EXP_OUTPUT")!;
            void Header(string path, string json, long? length = null)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                var text = Encoding.UTF8.GetBytes(json);
                File.WriteAllBytes(path, [.. BitConverter.GetBytes(length ?? text.Length), .. text, .. new byte[1000]]);
            }

            // Ends that go back by all there is; a header of as many tensors as fit; one as long as the file.
            Header($"{output}/checkpoints/1/a.safetensors", $"{{\"a\":{{\"data_offsets\":[0,{long.MinValue}]}},\"b\":{{\"data_offsets\":[0,{long.MaxValue}]}}}}");
            Header($"{output}/checkpoints/1/b.safetensors", "{" + string.Join(',', Enumerable.Range(0, 450_000).Select(i => $"\"{i}\":{{\"data_offsets\":[0,{i % 1000}]}}")) + "}");
            using (var file = File.Create($"{output}/checkpoints/1/c.safetensors")) { file.Write(BitConverter.GetBytes(99_000_000L)); file.SetLength(100_000_000); }
            using (var file = File.Create($"{output}/checkpoints/1/checkpoint.json")) file.SetLength(1L << 30);
            using (var file = File.Create($"{output}/metrics.jsonl")) file.SetLength(1L << 30);
            using (var file = File.Create($"{output}/artifacts/holes")) file.SetLength(300L << 20);
            for (var i = 0; i < 100; i++) File.WriteAllText($"{output}/artifacts/{i}", "x");

            // The runner's way to its agent.
            var much = new byte[1 << 20];
            using (var pipe = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(241, ownsHandle: false), FileAccess.Write, 0))
            {
                for (var i = 0; i < 400; i++) pipe.Write(much);
            }
            """);

        var ended = await own.Ended(run, TimeSpan.FromMinutes(5));

        Assert.Equal((RunState.Succeeded, 1, null as string), (ended.State, ended.Epoch, ended.Message));
        Assert.Equal(101, (await own.Outputs(ended)).Artifacts.Count);
        Assert.Equal(["a.safetensors", "b.safetensors", "c.safetensors", "checkpoint.json"],
            (await own.Manifest(Assert.Single(ended.Checkpoints))).Files.Select(file => file.Path));
        Assert.InRange(worker.PeakBytes, 0, MaxWorkerBytes);
        Assert.Equal(RunState.Succeeded, (await own.Ended(await own.SubmitShell("true"))).State);
    }
}
