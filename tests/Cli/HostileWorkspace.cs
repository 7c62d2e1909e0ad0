using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

/// <summary>A platform where everything has as long a name as it may have.</summary>
public sealed class HostileWorkspace : IAsyncLifetime
{
    public static readonly string Long = string.Concat(Enumerable.Repeat("loooong-name-", 14)).TrimEnd('-');

    private static readonly string Name = Long[..60], Dataset = Long[..58];
    private readonly Dictionary<string, string> names = new(StringComparer.Ordinal) { ["DATASET"] = Dataset, ["WEBHOOK"] = Name, ["TRIGGER"] = Name };
    private ExpPlatform platform = null!;

    internal ExpPlatform Platform => platform;

    public async ValueTask InitializeAsync()
    {
        platform = await ExpPlatform.Start(workers: 1);
        platform.Script("code/train.sh", $$"""
            for step in 1 2 3; do echo "{\"step\":$step,\"name\":\"{{Long}}/loss\",\"value\":0.$step}"; done >> "$EXP_OUTPUT/metrics.jsonl"
            echo '{"step":1,"name":"損失/{{Long[..40]}}","value":"Infinity"}' >> "$EXP_OUTPUT/metrics.jsonl"
            for kind in artifacts data; do mkdir -p "$EXP_OUTPUT/$kind/{{Long}}"; echo a > "$EXP_OUTPUT/$kind/{{Long}}/{{Long}}.txt"; done
            cd "$EXP_OUTPUT"; mkdir -p checkpoints/.3.tmp; echo w > checkpoints/.3.tmp/w; mv checkpoints/.3.tmp checkpoints/3
            """);
        platform.Script("code/experiment.yaml", $$"""
            project: {{Name}}
            name: {{Name}}
            command: sh train.sh {{Long}}
            params: { {{Long[..100]}}: {{Long}}, lr: 0.1 }
            tags: [hostile]
            env: { LONG: {{Long}} }
            checks: { {{Long}}/loss: "..0.1", lr: "1.." }
            """);
        names["FIRST"] = await Ended("--seed", "1");
        names["SECOND"] = await Ended("--seed", "2", "--param", "lr=0.2");
        platform.Script("digits/" + Long + ".csv", "1\n");
        await platform.Json("dataset", "publish", "digits", "--name", Dataset);
        platform.Script("digits/" + Long[..^1] + "x.csv", "2\n");
        await platform.Json("dataset", "publish", "digits", "--name", Dataset);
        await platform.Json("keys", "add", Name);
        await platform.Json("webhook", "add", Name, "--url", $"http://127.0.0.1:9/{Long}", "--event", "run.failed");
        platform.Script("trigger.yaml", $$"""
            name: {{Name}}
            when: { run: { project: {{Name}}, experiment: {{Name}} } }
            then: { project: p, name: then, code: { path: digits }, command: ls {{Long}} }
            """);
        await platform.Json("trigger", "add", "trigger.yaml");
    }

    /// <summary>A command line with the names of this workspace in it.</summary>
    public string[] Named(string command) =>
        [.. command.Split(' ').Select(word => names.Aggregate(word, (text, name) => text.Replace(name.Key, name.Value, StringComparison.Ordinal)))];

    public ValueTask DisposeAsync() => platform.DisposeAsync();

    private async Task<string> Ended(params string[] options)
    {
        var id = await platform.Submit("code", options);
        await platform.Exp("wait", id);
        return id;
    }
}
