using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>What each kind of code comes to, through a real worker.</summary>
public sealed class CodeKindTests
{
    [Fact]
    public async Task Shell_RunsInItsCodeWithTheContractsVariables_AndSucceeds()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.SubmitShell(
            "cat readme.txt; echo; echo run=$EXP_RUN_ID try=$EXP_ATTEMPT lr=$EXP_PARAM_OPTIMIZER_LR own=$OWN; cat $EXP_PARAMS; echo; echo to " +
            "stderr >&2; echo last", spec => spec with
        {
            Params = new Dictionary<string, System.Text.Json.JsonElement>
                { ["optimizer"] = System.Text.Json.JsonSerializer.SerializeToElement(new { lr = 0.5 }) },
            Env = new Dictionary<string, string> { ["OWN"] = "mine" },
        });

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, Cause.Completed, 0), (ended.State, ended.Cause, ended.ExitCode));
        Assert.Equal($"code\nrun={run} try=1 lr=0.5 own=mine\n{{\"optimizer\":{{\"lr\":0.5}}}}\nto stderr\nlast\n", await rig.Log(run));
    }

    /// <summary>As a virtual environment or node's packages have them.</summary>
    [Fact]
    public async Task LinksThatASetUpMakes_AreThere_AlsoInFoldersOfTheCode()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.Submit(
            spec => spec with { Setup = "ln -s f own/link; ln -s own/f top", Command = "cat own/link top && readlink own/link" }, ("own/f", "found\n"));

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as LeftOut), (ended.State, ended.LeftOut));
        Assert.Contains("found\nfound\nf\n", await rig.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CSharp_CompilesAllFilesOfItsFolder_AndSucceeds()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.Submit(
            spec => spec with { Command = "train.cs --epochs 3" },
            ("train.cs",
                "#!/usr/bin/env dotnet\n#:package TorchSharp@0.107.0\nusing Serverless;\nConsole.WriteLine($\"{string.Join(' ', args)} " +
                "{Helper.Twice(21)} {Run.Current.Id == Environment.GetEnvironmentVariable(\"EXP_RUN_ID\")}\"); await Task.Yield();"),
            ("lib/helper.cs", "static class Helper { public static int Twice(int x) => 2 * x; }"),
            ("other.cs", "Console.WriteLine(\"a script of its own\");"));

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        Assert.Equal("--epochs 3 42 True\n", await rig.Log(run));
    }

    [Fact]
    public async Task CSharp_OfSeveralExperiments_ComesWithWhatTheyShare()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.Submit(
            spec => spec,
            ("one/train.cs", "static class Program { static int Main() { Console.WriteLine(Common.Name + new One.Model()); return 0; } }"),
            ("one/model.cs", "namespace One; record Model;"),
            ("two/train.cs", "class Program { static void Main() => Console.WriteLine(\"the other\"); }"),
            ("shared/common.cs", "static class Common { public const string Name = \"common \"; }"));

        Assert.Equal((RunState.Succeeded, null as string), ((await rig.Ended(run)).State, (await rig.Load(run)).Message));
        Assert.Equal("common Model { }\n", await rig.Log(run));
    }

    [Fact]
    public async Task Project_IsBuiltOnce_AndHasTheSdkAndTensors()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.Submit(
            spec => spec with { Command = "app/app.csproj one two" },
            ("app/app.csproj",
                "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup></Project>"),
            ("app/Program.cs",
                "using static TorchSharp.torch; Console.WriteLine($\"{string.Join('+', args)} {Serverless.Run.Current.OnPlatform} {ones(2, " +
                "2).sum().item<float>()}\");"));

        Assert.Equal((RunState.Succeeded, null as string), ((await rig.Ended(run)).State, (await rig.Load(run)).Message));
        Assert.EndsWith("\none+two True 4\n", await rig.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Project_ThatDoesNotBuild_EndsWithTheCompilersError()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.Submit(
            spec => spec with { Command = "app.csproj" },
            ("app.csproj",
                "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>"),
            ("Program.cs", "unknown();"));

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.Build), (ended.State, ended.Cause));
        Assert.Contains("Program.cs(1,1): error CS0103", ended.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WarmAndColdRunners_WithASeed_ComputeTheSameBits()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker(spares: 1);
        const string Program = "using static TorchSharp.torch; manual_seed(7); Console.WriteLine(Convert.ToHexString(nn.Linear(4, " +
            "8).forward(rand(4)).bytes.ToArray()) + Environment.GetEnvironmentVariable(\"OMP_NUM_THREADS\"));";

        // A variable that libtorch reads at its start makes a run start its own runner.
        var cold = await rig.SubmitCSharp(Program, spec => spec with { Env = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" } });
        var warm = await rig.SubmitCSharp(Program);

        Assert.Equal((RunState.Succeeded, RunState.Succeeded), ((await rig.Ended(cold)).State, (await rig.Ended(warm)).State));
        Assert.Equal(await rig.Log(cold), (await rig.Log(warm)).TrimEnd() + "1\n");
    }

    [Fact]
    public async Task CSharp_EndsAsAProgramDoes_AfterItsThreadsAndHandlers()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.SubmitCSharp(
            """
            AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine($"handler {Environment.ExitCode}");
            new Thread(() => { Thread.Sleep(200); Console.WriteLine("thread"); }).Start();
            Console.WriteLine("main");
            return 3;
            """);

        Assert.Equal((Cause.UserCode, 3), ((await rig.Ended(run)).Cause, (await rig.Load(run)).ExitCode));
        Assert.StartsWith("main\nthread\nhandler 3\n", await rig.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CSharp_WithTensors_Computes()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.SubmitCSharp("using static TorchSharp.torch; Console.WriteLine(ones(3, 3).sum().item<float>());");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        Assert.Equal("9\n", await rig.Log(run));
    }
}
