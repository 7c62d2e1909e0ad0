using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>
/// What code, people and disks do to a worker's caches: the next run of the same code computes with what was put there, and says what was not. Real
/// runs; the code has the rights of the worker, and so it has all of them.
/// </summary>
public sealed class ChangedCacheTests
{
    // 65 MiB: too large for a copy for each run.
    private const string LargeSetup = "mkdir tools; echo 'one two' > tools/words; truncate -s 65M tools/large; echo set up";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Through what code is given by a link, or by its path.</summary>
    [Theory]
    [InlineData("chmod u+w tools/words; echo three >> tools/words", "tools/words: it has 14 bytes instead of 8")]
    [InlineData(
        "cd tools; chmod u+w words; touch -r words $TMPDIR/time; printf ONE | dd of=words conv=notrunc 2>/dev/null; touch -r $TMPDIR/time words",
        "tools/words: its content or its rights were changed")]
    [InlineData("rm tools/words; mkfifo tools/words", "tools/words: it is a named pipe")]
    [InlineData("rm -f tools/words", "tools/words: it is gone")]
    [InlineData("mkdir tools/__pycache__; echo planted > tools/__pycache__/train.pyc", "tools/__pycache__: it was added")]
    public async Task WhatASetUpLeft_ChangedByARun_IsMadeAgain_AndBothRunsSaySo(string command, string difference)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the time of the last change is not told");
        await using var rig = new WorkerRig();
        var worker = await rig.StartWorker();
        const string What = "the set-up in the worker's cache";
        const string Look = "cat tools/words; ls -A tools";
        Func<ExperimentSpec, ExperimentSpec> with = spec => spec with { Setup = LargeSetup };
        var first = await rig.SubmitShell(command, with);
        var changed = await rig.Ended(first);

        var second = await rig.SubmitShell(Look, with);
        var third = await rig.SubmitShell(Look, with);
        await rig.Ended(third);

        Assert.Contains($"used it, by this run or another one: {What}: code/{difference}", await rig.Log(first), StringComparison.Ordinal);
        Assert.Equal((RunState.Succeeded, $"{What}: code/{difference}"), (changed.State, changed.ChangedMeanwhile));
        var log = await rig.Log(second);
        Assert.Contains($"{What} is not what was put there, and is made again: code/{difference}", log, StringComparison.Ordinal);
        Assert.EndsWith("set up\none two\nlarge\nwords\n", log, StringComparison.Ordinal);
        Assert.Equal("one two\nlarge\nwords\n", await rig.Log(third));
        Assert.Contains($"run {second}: {What}", worker.Errors, StringComparison.Ordinal);
        Assert.Null((await rig.Load(second)).ChangedMeanwhile);
    }

    /// <summary>Each run has its own where that is cheap; what it does to it is nobody's business.</summary>
    [Fact]
    public async Task ASmallSetUp_IsEachRunsOwn()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        const string Setup = "mkdir -p tools/sub; cd tools; echo one > words; ln -s words link; ln -s tools/words ../top; chmod +x words; echo set up";
        const string Command = "cat tools/link top; test -x tools/words && echo executable; echo two >> tools/words; rm -r tools/sub";
        foreach (var turn in (int[])[1, 2, 3])
        {
            var run = await rig.SubmitShell(Command, spec => spec with { Setup = Setup });
            var ended = await rig.Ended(run);
            Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.ChangedMeanwhile));
            var log = await rig.Log(run);
            Assert.EndsWith("one\none\nexecutable\n", log, StringComparison.Ordinal);
            Assert.Equal(turn == 1, log.Contains("set up\n", StringComparison.Ordinal));
        }
    }

    /// <summary>Files of the package manager's own, which others change and link to.</summary>
    [Fact]
    public async Task WhatASetUpTookByHardLinks_IsItsOwnAfterwards()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere links are not told");
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var store = Path.Combine(rig.Folder, "store");
        await File.WriteAllTextAsync(store, "as it was\n", Token);
        var setup = $"{LargeSetup}; ln {store} tools/linked";
        await rig.Ended(await rig.SubmitShell("cat tools/linked", spec => spec with { Setup = setup }));
        await File.AppendAllTextAsync(store, "more\n", Token);
        await Unix.Do("ln", store, store + "2");

        var run = await rig.SubmitShell("cat tools/linked", spec => spec with { Setup = setup });
        await rig.Ended(run);

        Assert.Equal("as it was\n", await rig.Log(run));
    }

    /// <summary>Python writes what it compiles beside the source, unless it is told not to.</summary>
    [Fact]
    public async Task PythonThatRuns_ChangesNothingOfItsSetUp()
    {
        Assert.SkipUnless(await Has("python3"), "there is no Python here");
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        const string Setup = "mkdir lib; echo 'word = \"imported\"' > lib/mine.py; truncate -s 65M lib/large; echo set up";
        foreach (var turn in (int[])[1, 2])
        {
            var run = await rig.SubmitShell("PYTHONPATH=lib python3 -c 'import mine; print(mine.word)'", spec => spec with { Setup = Setup });
            var ended = await rig.Ended(run);
            Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.ChangedMeanwhile));
            Assert.Equal(turn == 1, (await rig.Log(run)).Contains("set up\n", StringComparison.Ordinal));
        }
    }

    /// <summary>A bit of what is kept of each kind, with length and time as they were.</summary>
    [Theory]
    [InlineData("code", "train.cs")]
    [InlineData("code", "words.txt")]
    [InlineData("build", "*.dll")]
    public async Task ABitThatFlips_IsSeen_AndTheNextRunIsRight(string cache, string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the time of the last change is not told");
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        const string Program = "Console.WriteLine(\"as submitted: \" + File.ReadAllText(\"words.txt\"));";
        await rig.Ended(await rig.Submit(spec => spec, ("train.cs", Program), ("words.txt", "words")));
        var damaged = Assert.Single(Directory.GetFiles(Path.Combine(rig.Folder, "worker/cache", cache), name, SearchOption.AllDirectories));
        await Unix.Do("sh", "-c", $"chmod u+w {damaged}; touch -r {damaged} {rig.Folder}/time");
        var bytes = await File.ReadAllBytesAsync(damaged, Token);
        bytes[^3] ^= 1;
        await File.WriteAllBytesAsync(damaged, bytes, Token);
        await Unix.Do("touch", "-r", $"{rig.Folder}/time", damaged);

        var run = await rig.Submit(spec => spec, ("train.cs", Program), ("words.txt", "words"));
        await rig.Ended(run);

        var log = await rig.Log(run);
        var difference = $"{Path.GetFileName(damaged)}: its content or its rights were changed";
        Assert.Contains(
            $"the {cache} in the worker's cache is not what was put there, and is made again: {difference}", log, StringComparison.Ordinal);
        Assert.EndsWith("as submitted: words\n", log, StringComparison.Ordinal);
    }

    /// <summary>A run that makes the cache unusable while it runs: the next one makes what it needs.</summary>
    [Theory]
    [InlineData("rm -rf $C")]
    [InlineData("rm -rf $C; echo > $C")]
    [InlineData("rm -rf $C; mkfifo $C")]
    [InlineData("for d in $C/*; do rm -rf $d; mkfifo $d; done")]
    [InlineData("for d in $C/*/*; do rm -rf $d; mkfifo $d; done")]
    [InlineData("for d in $C/*/*; do rm -rf $d; mkdir -p $d/deep/er; done")]
    [InlineData("for d in $C/*/*; do rm -rf $d; ln -s /dev/zero $d; done")]
    [InlineData("for d in $C/*/*; do rm -rf $d; echo garbage > $d; done")]
    [InlineData("chmod -R 000 $C")]
    [InlineData("find $C -type f -exec truncate -s 0 {} +")]
    [InlineData("find $C -name '*.seal' -delete")]
    [InlineData("find $C -name '*.lock' -delete; find $C -type d -name tools -exec mkfifo {}/pipe \\;")]
    public async Task ACacheThatARunMadeUnusable_IsMadeAgainByTheNext(string command)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pipes and links of Unix");
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        await rig.PutText("data/in.txt", "an input\n");
        Func<ExperimentSpec, ExperimentSpec> with = spec => spec with { Setup = LargeSetup, Inputs = ["data/in.txt"] };
        const string Command = "cat readme.txt $EXP_INPUTS/in.txt tools/words";
        await rig.Ended(await rig.SubmitShell(Command, with));
        var spoiling = await rig.Ended(await rig.SubmitShell($"C={rig.Folder}/worker/cache; {command}; true", with));
        Assert.True(spoiling.State == RunState.Succeeded, spoiling.Message);

        var next = await rig.SubmitShell(Command, with);
        var ended = await rig.Ended(next);

        Assert.True(ended.State == RunState.Succeeded, $"{ended.Message}: {await rig.Log(next)}");
        Assert.EndsWith("codean input\none two\n", await rig.Log(next), StringComparison.Ordinal);
    }

    /// <summary>Nobody waits for the run that uses what is of no use to others.</summary>
    [Fact]
    public async Task WhileARunUsesWhatWasChanged_OthersGetAnotherOne()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the time of the last change is not told");
        await using var rig = new WorkerRig();
        await rig.StartWorker("w1");
        var go = Path.Combine(rig.Folder, "go");
        Func<ExperimentSpec, ExperimentSpec> with = spec => spec with { Setup = LargeSetup };
        var change = "chmod u+w tools/words; echo three >> tools/words; echo changed";
        var first = await rig.SubmitShell($"{change}; until [ -e {go} ]; do sleep 0.05; done", with);
        await rig.LogHas(first, "changed\n");

        await rig.StartWorker("w2");
        var second = await rig.SubmitShell("cat tools/words", with);
        var ended = await rig.Ended(second);
        await File.WriteAllTextAsync(go, "", Token);

        Assert.Null(ended.ChangedMeanwhile);
        Assert.EndsWith("set up\none two\n", await rig.Log(second), StringComparison.Ordinal);
        Assert.NotNull((await rig.Ended(first)).ChangedMeanwhile);
    }

    private static async Task<bool> Has(string program)
    {
        try
        {
            await Unix.Do(program, "--version");
            return true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
