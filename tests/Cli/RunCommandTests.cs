using System.Text.Json;
using Serverless.Tests.Support;

[assembly: AssemblyFixture(typeof(SharedPlatform))]

namespace Serverless.Tests.Cli;

public sealed class RunCommandTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    [Fact]
    public async Task Run_OfAScript_WaitsForItsEndAndPrintsItsLog()
    {
        var script = Platform.Script("hello.sh", "echo hello from $EXP_PARAM_WHO of $EXP_PARAM_PLACE_NAME; cat \"$EXP_PARAMS\"\n");
        var result = await Platform.Exp("run", script, "--param", "who=ada", "--param", "place.name=London", "--wait");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("hello from ada of London\n{\"who\":\"ada\",\"place\":{\"name\":\"London\"}}", result.Output, StringComparison.Ordinal);
        Assert.Contains("✓ succeeded  hello v1", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', result.Output + result.Error);
    }

    [Fact]
    public async Task Run_WhoseCodeFails_ExitsWithOneAndSaysWhy()
    {
        var result = await Platform.Exp("run", Platform.Script("broken.sh", "echo before the end\nexit 7\n"), "--wait");
        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Contains("before the end", result.Output, StringComparison.Ordinal);
        Assert.Contains("✗ failed (user-code)", result.Output, StringComparison.Ordinal);
        Assert.Contains("7", result.Output.Split("failed (user-code)")[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithParameters_GivesThemTheTypesThatTheyLookLike()
    {
        var script = Platform.Script("types.sh", "true\n");
        string[] given = ["lr=1e-3", "half=.5", "n=3", "on=true", "name=mlp", "quoted=\"3\"", "sizes=[1, 2]", "empty=", "version=1.2.3", "sum=a=b"];
        var id = await Platform.Submit(script, [.. given.SelectMany(one => new[] { "--param", one })]);
        var parameters = (await Platform.Json("show", id)).GetProperty("spec").GetProperty("params");
        Assert.Equal(0.001, parameters.GetProperty("lr").GetDouble());
        Assert.Equal(0.5, parameters.GetProperty("half").GetDouble());
        Assert.Equal(3, parameters.GetProperty("n").GetInt32());
        Assert.Equal(JsonValueKind.True, parameters.GetProperty("on").ValueKind);
        Assert.Equal("mlp", parameters.GetProperty("name").GetString());
        Assert.Equal("3", parameters.GetProperty("quoted").GetString());
        Assert.Equal(2, parameters.GetProperty("sizes").GetArrayLength());
        Assert.Equal("", parameters.GetProperty("empty").GetString());
        Assert.Equal("1.2.3", parameters.GetProperty("version").GetString());
        Assert.Equal("a=b", parameters.GetProperty("sum").GetString());
    }

    [Theory]
    [InlineData("id=007", "Write 7 for the number, or '\"007\"' for the text")]
    [InlineData("shift=-05", "Write -5 for the number")]
    public async Task Run_WithAParameterThatMayBeANumberOrText_IsAskedWhich(string given, string said)
    {
        var result = await Platform.Exp("run", Platform.Script("which.sh", "true\n"), "--param", given);
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Contains(said, Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--param")]
    [InlineData("--env")]
    public async Task Run_WithTheSameNameTwice_IsAskedWhich(string option)
    {
        var result = await Platform.Exp("run", Platform.Script("twice.sh", "true\n"), option, "a=1", option, "a=2");
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Contains($"{option} a is given more than once", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithAParameterThatTheExperimentDoesNotHave_SaysWhichMayBeMeant()
    {
        Platform.Script("declared/train.sh", "true\n");
        Platform.Script("declared/experiment.yaml", "project: p\nname: declared\ncommand: sh train.sh\nparams: { lr: 0.1 }\n");
        var result = await Platform.Exp("run", "declared", "--param", "lrr=1");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("no parameter of this name yet; did you mean 'lr'?", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Values_WithControlCharacters_ReachNoTableAndNoMessage()
    {
        var id = await Platform.Submit(Platform.Script("hostile.sh", "true\n"), "--param", "x=a\u001b[2J\nb\u009b31mc");
        foreach (var command in (string[][])[["show", id], ["list"], ["compare", id, id], ["lineage", id], ["cancel", "no\u001b[2Jsuch"]])
        {
            var result = await Platform.Exp(command);
            Assert.True(!(result.Output + result.Error).Any(c => char.IsControl(c) && c != '\n'), $"exp {command[0]}: {result}");
        }

        var shown = await Platform.Exp("show", id);
        Assert.Contains("a bc", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OfTheSameAgain_IsReusedUnlessAskedForAfresh()
    {
        var script = Platform.Script("again.sh", "echo once\n");
        var first = (await Platform.Json("run", script, "--wait"))[0].GetProperty("id").GetString();
        var second = (await Platform.Json("run", script)).GetProperty("runs")[0];
        Assert.Equal(first, second.GetProperty("id").GetString());
        Assert.True(second.GetProperty("reused").GetBoolean());
        Assert.NotEqual(first, await Platform.Submit(script, "--fresh"));
    }

    [Fact]
    public async Task Run_WithSeveralSeeds_WaitsForARunOfEach()
    {
        var script = Platform.Script("seeds.sh", "echo seed $EXP_SEED; test $EXP_SEED -lt 3\n");
        var result = await Platform.Exp("run", script, "--seed", "1", "--seed", "2", "--seed", "3", "--wait", "--json");
        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Equal(["succeeded", "succeeded", "failed"], result.Json.EnumerateArray().Select(run => run.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Run_OfAFolder_TakesItsSpecAndOptionsOverIt()
    {
        Platform.Script("with-spec/experiment.yaml", "project: papers\nname: with-spec\ncommand: sh go.sh\nparams: {a: 1, b: 2}\ntags: [base]\n");
        Platform.Script("with-spec/go.sh", "true\n");
        var run = await Platform.Json("show", await Platform.Submit("with-spec", "--param", "b=3", "--tag", "tuned", "--name", "renamed"));
        Assert.Equal("papers", run.GetProperty("project").GetString());
        Assert.Equal("renamed", run.GetProperty("experiment").GetString());
        Assert.Equal("""{"a":1,"b":3}""", JsonSerializer.Serialize(run.GetProperty("spec").GetProperty("params")));
        Assert.Equal(["base", "tuned"], run.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));
    }

    [Fact]
    public async Task Run_OfAFileWithInclude_TakesWhatIsBesideItAlong()
    {
        Platform.Script("lib/greeting.txt", "good morning\n");
        Platform.Script("lib/other.txt", "not wanted\n");
        Platform.Script("lib/main.sh", "cat greeting.txt; ls\n");
        var result = await Platform.Exp("run", "lib/main.sh", "--include", "greeting.txt", "--wait");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("good morning", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("other.txt", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_OfAnInvalidSpec_PrintsEveryProblemOnALineOfItsOwn()
    {
        Platform.Script("bad.yaml", "project: p\nname: Not A Name\ncommand: train.cs\nparms: {a: 1}\nseed: many\n");
        var result = await Platform.Exp("submit", "bad.yaml");
        Assert.Equal(2, result.ExitCode);
        Assert.Equal("", result.Output);
        Assert.Equal("exp: bad.yaml has 3 problems:", result.ErrorLines[0]);
        foreach (var path in (string[])["name", "parms", "seed"])
        {
            Assert.Single(result.ErrorLines, line => line.StartsWith($"  {path}: ", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("submit")]
    [InlineData("trigger", "add")]
    public async Task AFolder_WhereAFileIsAsked_IsCalledOne(params string[] command)
    {
        var result = await Platform.Exp([.. command, "."]);
        Assert.Equal((2, "exp: . is a folder: name the file in it"), (result.ExitCode, Assert.Single(result.ErrorLines)));
    }

    [Fact]
    public async Task Run_OnAMachineClassThatIsNotThere_IsRefusedWithTheOnesThatAre()
    {
        var result = await Platform.Exp("run", Platform.Script("machine.sh", "true\n"), "--machine", "gpu-a100");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("cpu", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wait_InterruptedByCtrlC_LeavesTheRunGoing()
    {
        var id = await Platform.Submit(Platform.Script("patient.sh", "n=0; while [ $((n=n+1)) -lt 900 ]; do echo waiting; sleep 0.1; done\n"));
        using var waiting = Platform.Begin("wait", id);
        await waiting.Says("waiting");
        waiting.Signal("INT");
        var result = await waiting.Ended();
        Assert.True(result.ExitCode == 130, result.ToString());
        Assert.Contains($"exp wait {id[^6..]}", result.Error, StringComparison.Ordinal);
        Assert.Equal("running", (await Platform.Json("show", id)).GetProperty("state").GetString());

        Assert.Equal(0, (await Platform.Exp("cancel", id)).ExitCode);
        Assert.Equal(1, (await Platform.Exp("wait", id)).ExitCode);
        await Platform.RunIs(id, "cancelled");
    }

    [Fact]
    public async Task Init_WritesAnExperimentThatRuns()
    {
        Assert.Equal(0, (await Platform.Exp("init", "first steps")).ExitCode);
        var result = await Platform.Exp("run", "first steps", "--param", "epochs=5", "--wait");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(20, (await Platform.Json("checkpoints", "ls", "first-steps")).GetProperty("checkpoints")[0].GetProperty("step").GetInt64());
        Assert.Equal(2, (await Platform.Json("metrics", "first-steps", "train/loss")).GetProperty("series")[0].GetProperty("points")
            .GetArrayLength());
        Assert.Equal(5, (await Platform.Json("metrics", "first-steps", "val/loss")).GetProperty("series")[0].GetProperty("points").GetArrayLength());
        Assert.Equal("fit.csv", (await Platform.Json("artifacts", "ls", "first-steps")).GetProperty("artifacts")[0].GetProperty("path").GetString());

        // What is there for editors is hidden, so that it is no part of the code.
        var schema = Path.Combine(Platform.Folder, "first steps", ".experiment.schema.json");
        Assert.Equal("# yaml-language-server: $schema=.experiment.schema.json",
            File.ReadLines(Path.Combine(Path.GetDirectoryName(schema)!, "experiment.yaml")).First());
        Assert.Equal(await File.ReadAllTextAsync(schema, TestContext.Current.CancellationToken), (await Platform.Exp("spec", "schema")).Output);
        await File.WriteAllTextAsync(schema, "{}", TestContext.Current.CancellationToken);
        var unchanged = await Platform.Exp("run", "first steps", "--param", "epochs=5");
        Assert.Contains("first-steps v1", unchanged.Output, StringComparison.Ordinal);
        Assert.Contains("ran before", unchanged.Output, StringComparison.Ordinal);

        var again = await Platform.Exp("init", "first steps");
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("is there already", Assert.Single(again.ErrorLines), StringComparison.Ordinal);
    }
}
