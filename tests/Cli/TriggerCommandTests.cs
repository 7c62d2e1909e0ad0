using System.Text.Json;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class TriggerCommandTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    [Fact]
    public async Task ARunThatSucceeds_SetsOffTheNext_WithItsParameterAndItsArtifact()
    {
        Platform.Script("follow/second.sh", "cat \"$EXP_INPUTS/artifacts/weights.txt\"; echo sparsity $EXP_PARAM_SPARSITY\n");
        Platform.Script("follow/second.yaml", """
            name: second-after-first
            when: { run: { project: papers, experiment: first, where: "acc > 0.95" } }
            then:
              project: papers
              name: second
              code: { path: second.sh }
              command: sh second.sh
              inputs: ["${run.artifacts.weights}"]
              params: { sparsity: "${run.params.sparsity}" }
            """);
        var added = await Platform.Exp("trigger", "add", "follow/second.yaml");
        Assert.True(added.ExitCode == 0, added.ToString());
        Assert.Contains("papers/first succeeded, acc > 0.95 → papers/second", added.Output, StringComparison.Ordinal);

        var script = Platform.Script("first.sh", """
            mkdir -p "$EXP_OUTPUT/artifacts"; echo weights of $EXP_RUN_ID > "$EXP_OUTPUT/artifacts/weights.txt"
            echo step 1 acc=$EXP_PARAM_ACC
            """);
        await Platform.Json("run", script, "--project", "papers", "--param", "sparsity=0.5", "--param", "acc=0.9", "--wait");
        var first = (await Platform.Json("run", script, "--project", "papers", "--param", "sparsity=0.9", "--param", "acc=0.97", "--wait"))[
            0].GetProperty("id").GetString()!;

        var firing = await OnlyFiring("second-after-first");
        Assert.Equal(("submitted", $"run {first}"), (firing.GetProperty("outcome").GetString(), firing.GetProperty("cause").GetString()));
        var second = firing.GetProperty("runs")[0].GetProperty("id").GetString()!;
        await Platform.RunIs(second, "succeeded");
        Assert.Equal($"weights of {first}\nsparsity 0.9\n", (await Platform.Exp("logs", second)).Output);
        var run = await Platform.Json("show", second);
        Assert.Equal("trigger:second-after-first", run.GetProperty("submittedBy").GetString());
        Assert.Equal($"submitted by trigger second-after-first, because of run {first}", run.GetProperty("history")[0].GetProperty("message")
            .GetString());

        var trial = (await Platform.Json("trigger", "test", "second-after-first")).GetProperty("causes").EnumerateArray()
            .Select(cause => cause.GetProperty("fires").GetBoolean());
        Assert.Equal([true, false], trial);
        Assert.Contains("acc is 0.9", (await Platform.Exp("trigger", "test", "follow/second.yaml")).Output, StringComparison.Ordinal);
        Assert.Matches("(?m)^second-after-first +papers/first succeeded", (await Platform.Exp("trigger", "list")).Output);
        Assert.Equal(0, (await Platform.Exp("trigger", "remove", "second-after-first")).ExitCode);
        Assert.Equal(4, (await Platform.Exp("trigger", "show", "second-after-first")).ExitCode);
    }

    [Fact]
    public async Task AFileCopiedIntoTheWorkspaceByHand_SetsOffARun()
    {
        Platform.Script("on-file/count.sh", "wc -l < \"$EXP_INPUTS/inbox/numbers.csv\"\n");
        Platform.Script("on-file/trigger.yaml", """
            name: count-lines
            when: { file: "data/inbox/*.csv" }
            then: { project: papers, name: count, code: { path: count.sh }, command: sh count.sh, inputs: ["${event.path}"] }
            limits: { debounce: 100ms }
            """);
        Assert.Equal("count-lines", (await Platform.Json("trigger", "add", "on-file/trigger.yaml")).GetProperty("definition").GetProperty("name")
            .GetString());
        var inbox = Directory.CreateDirectory(Path.Combine(Platform.Data, "workspace", "data", "inbox")).FullName;
        await File.WriteAllTextAsync(Path.Combine(inbox, "numbers.csv"), "1\n2\n3\n", TestContext.Current.CancellationToken);
        var second = (await OnlyFiring("count-lines")).GetProperty("runs")[0].GetProperty("id").GetString()!;
        await Platform.RunIs(second, "succeeded");
        Assert.Equal("3\n", (await Platform.Exp("logs", second)).Output);
    }

    [Fact]
    public async Task ABadTrigger_IsRefusedWithEveryProblem_AndAGoodOneComesBackAsItWasWritten()
    {
        Platform.Script("bad-trigger.yaml", """
            name: bad
            when: { run: { project: p, experiment: e, where: 'acc >' } }
            then: { project: p, name: n, command: sh x.sh }
            limits: { perhour: 1 }
            """);
        var bad = await Platform.Exp("trigger", "add", "bad-trigger.yaml");
        Assert.Equal(2, bad.ExitCode);
        Assert.Equal("exp: bad-trigger.yaml has 2 problems:", bad.ErrorLines[0]);
        Assert.Equal(
            "  when.run.where: at character 6: it ends where a metric, params.NAME, state, step, seed, tags, checks or a number is expected",
            bad.ErrorLines[1]);
        Assert.Contains("did you mean 'perHour'?", bad.ErrorLines[2], StringComparison.Ordinal);

        Platform.Script("good/x.sh", "true\n");
        Platform.Script("good/nightly.yaml", """
            name: nightly
            when: { schedule: { cron: '0 3 * * *', zone: Europe/Berlin } }
            then: { project: p, name: n, code: { path: x.sh }, command: sh x.sh, params: { at: '${schedule.at}' } }
            """);
        Assert.Equal(0, (await Platform.Exp("trigger", "add", "good/nightly.yaml")).ExitCode);
        var yaml = await Platform.Exp("trigger", "show", "nightly", "--yaml");
        Platform.Script("good/again.yaml", yaml.Output);
        var before = await Platform.Json("trigger", "show", "nightly");
        await Platform.Json("trigger", "add", "good/again.yaml");
        Assert.Equal(JsonSerializer.Serialize(before), JsonSerializer.Serialize(await Platform.Json("trigger", "show", "nightly")));
        Assert.Contains("is paused", (await Platform.Exp("trigger", "pause", "nightly")).Output, StringComparison.Ordinal);
        Assert.Contains("paused", (await Platform.Exp("trigger", "list")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await Platform.Exp("trigger", "resume", "nightly")).ExitCode);
    }

    private async Task<JsonElement> OnlyFiring(string trigger)
    {
        var found = default(JsonElement);
        await Eventually.True(async () =>
        {
            var firings = (await Platform.Json("trigger", "show", trigger)).GetProperty("firings");
            if (firings.GetArrayLength() == 0 || firings[0].GetProperty("outcome").GetString() == "pending") return false;
            found = Assert.Single(firings.EnumerateArray());
            return true;
        }, ExpProcess.Patience, () => $"trigger {trigger} acts");
        return found;
    }
}
