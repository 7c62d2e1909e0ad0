using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Versions;

namespace Serverless.Tests.Versions;

public sealed class RunKeyTests
{
    private static readonly RunSpec Least = new() { Code = new("zip", "tree"), Command = "train.cs", Machine = "cpu" };

    private static readonly RunSpec Full = new()
    {
        Code = new("zip", "tree", "abcdef0"),
        Command = "train.cs --fast",
        Setup = "pip install x",
        Machine = "gpu-t4",
        Seed = 7,
        Image = "img",
        Env = new Dictionary<string, string> { ["B"] = "2", ["A"] = "ü" },
        Params = Params("""{ "z": [1, "a", true], "lr": 0.001 }"""),
        Inputs = [new("data/b", "etag", "hash-b", 5), new("data/a", "etag", "hash-a", 5)],
        From = new("RUN", "attempts/RUN/000001/checkpoints/000000000005.json", 5, "content"),
        Nodes = 2,
    };

    /// <summary>
    /// Keys are stored: if one of these changes, every finished run is computed again. Then the scheme takes the next number, and new lines here.
    /// </summary>
    [Fact]
    public void The_scheme_is_pinned()
    {
        Assert.Equal("k1-4fb142b2a30eab4bebcb1c1209b030597040a9670e087751d25fc38e0722711b", RunKey.Of(Least));
        Assert.Equal("k1-6935112d73c395e7651a2d97a193d61e9b26d667e0b281d61146cd7e77cd9384", RunKey.Of(Full));
    }

    [Fact]
    public void Every_part_of_the_scheme_is_pinned() =>
        Assert.Equal(Pinned, Differents.ToDictionary(changed => changed.Key, changed => RunKey.Of(changed.Value)));

    public static TheoryData<string> Same => [.. Sames.Keys];

    public static TheoryData<string> Different => [.. Differents.Keys];

    private static readonly Dictionary<string, RunSpec> Sames = new()
    {
        ["how the zip was packed"] = Full with { Code = Full.Code with { Snapshot = "other" } },
        ["the commit"] = Full with { Code = Full.Code with { Commit = null } },
        ["retries"] = Full with { Retries = new(1, 1) },
        ["checkpoints"] = Full with { Checkpoints = new() { Keep = 1 } },
        ["timeout"] = Full with { Timeout = TimeSpan.FromHours(1) },
        ["grace"] = Full with { Grace = TimeSpan.FromMinutes(5) },
        ["ETags and lengths of inputs"] = Full with { Inputs = [.. Full.Inputs.Select(input => input with { ETag = "new", LengthBytes = 6 })] },
        ["order of inputs"] = Full with { Inputs = [.. Full.Inputs.Reverse()] },
        ["order of parameters, and how numbers are written"] = Full with { Params = Params("""{ "lr": 1e-3, "z": [1.0, "a", true] }""") },
        ["order of variables"] = Full with { Env = new Dictionary<string, string> { ["A"] = "ü", ["B"] = "2" } },
        ["step and manifest of a checkpoint with the same content"] = Full with { From = Full.From! with { Manifest = "elsewhere", Step = 6 } },
    };

    private static readonly Dictionary<string, RunSpec> Differents = new()
    {
        ["tree"] = Full with { Code = Full.Code with { Tree = "other" } },
        ["command"] = Full with { Command = "train.cs" },
        ["setup"] = Full with { Setup = null },
        ["machine"] = Full with { Machine = "cpu" },
        ["seed"] = Full with { Seed = 8 },
        ["image"] = Full with { Image = null },
        ["nodes"] = Full with { Nodes = 1 },
        ["a variable's value"] = Full with { Env = new Dictionary<string, string> { ["A"] = "u", ["B"] = "2" } },
        ["a variable more"] = Full with { Env = new Dictionary<string, string> { ["A"] = "ü", ["B"] = "2", ["C"] = "" } },
        ["a parameter"] = Full with { Params = Params("""{ "z": [1, "a", true], "lr": 0.002 }""") },
        ["a parameter as text"] = Full with { Params = Params("""{ "z": [1, "a", true], "lr": "0.001" }""") },
        ["order in a list"] = Full with { Params = Params("""{ "z": ["a", 1, true], "lr": 0.001 }""") },
        ["content of an input"] = Full with { Inputs = [Full.Inputs[0] with { Sha256 = "new" }, Full.Inputs[1]] },
        ["path of an input"] = Full with { Inputs = [Full.Inputs[0] with { Path = "data/c" }, Full.Inputs[1]] },
        ["checkpoint"] = Full with { From = Full.From! with { Content = "new" } },
        ["run of the checkpoint"] = Full with { From = Full.From! with { Run = "OTHER" } },
        ["no checkpoint"] = Full with { From = null },
        ["a dataset"] = Full with { Datasets = [new("digits", 1, "hash-1", 2, 10)] },
    };

    private static readonly Dictionary<string, string> Pinned = new()
    {
        ["tree"] = "k1-e349b12daf8a7e4aa4a52284395dde1e26e34c4970d5436129d2c49f56fb04c5",
        ["command"] = "k1-afe900c3d1d524e93f65882bec89cc82613ea73d96f140fb15c0bd96adf2baca",
        ["setup"] = "k1-b199495ade9424fb39ba8138201a4408991e380444d3abe4bbd89c1a4a399b6c",
        ["machine"] = "k1-8ad122dc4652c09f5d2e336b8f98c23e177afc69349aeb668716bc6f04f60a68",
        ["seed"] = "k1-2381c4942496d66296af857a14aabd494be77b5fec6fad93129ad3cf0afe436d",
        ["image"] = "k1-3dacfb40949acc490968bb90853678daacb718a6a575c9625dc5eb722cd3eef8",
        ["nodes"] = "k1-1e7f2b15f630e78d21a80f26b2308b06f8c3264955c614d00b169a3ca78fb95b",
        ["a variable's value"] = "k1-2ed369653ede85a122d1481d769dfecbe3d985d9392def16d7a158407787fa25",
        ["a variable more"] = "k1-fd2a494efd943d75dca8c54443de3326c56bb0fdcce9159d225cdc1f42c9773b",
        ["a parameter"] = "k1-82b69e94ce353da421268c3bd5463c9678d0947502d053e2a33f41b56b3a0569",
        ["a parameter as text"] = "k1-725ff5362d4681c9d77d08e0daf1a6bfb23423cbf1988c0e0c4f06a25e7f105e",
        ["order in a list"] = "k1-a628187648637afb87175608e932b02f7921c3a6a1e6f536d556d747676c908b",
        ["content of an input"] = "k1-51abdfda70ed20ad09f67f3ee8a69a04a2ed04e5d3bbceedcb7e38755291fec4",
        ["path of an input"] = "k1-791c30f9fe84ad0ae9b8f3f8fdf66bac9926432035d302e2894adfd2c9306fc8",
        ["checkpoint"] = "k1-cd2533608ba8a15ac960cb070b177d7c6b72ef7285f535f53172869c063cc575",
        ["run of the checkpoint"] = "k1-4e20be52139754062df7e6de04c2e28950aab838de14596fe6b6068e06a02b9a",
        ["no checkpoint"] = "k1-2b3f6a1baa1d6bea6f5d1ab7a42749ef5bbde9a563fa51d068e4dfd5b64cefba",
        ["a dataset"] = "k1-86efa41097273c9892f090e261bb21ecee72ce27499af9f2f684fd18f49551a6",
    };

    [Theory]
    [MemberData(nameof(Same))]
    public void What_does_not_change_a_result_does_not_change_the_key(string what) => Assert.Equal(RunKey.Of(Full), RunKey.Of(Sames[what]));

    [Theory]
    [MemberData(nameof(Different))]
    public void What_can_change_a_result_changes_the_key(string what) => Assert.NotEqual(RunKey.Of(Full), RunKey.Of(Differents[what]));

    [Theory]
    [MemberData(nameof(Same))]
    public void What_does_not_change_the_key_is_no_difference(string what) => Assert.Empty(KeyDifference.Between(Full, Sames[what], default));

    [Theory]
    [MemberData(nameof(Different))]
    public void What_changes_the_key_is_named_both_ways(string what)
    {
        var there = Assert.Single(KeyDifference.Between(Full, Differents[what], default).Select(difference => difference.Part).Distinct());
        Assert.Equal(there, Assert.Single(KeyDifference.Between(Differents[what], Full, default).Select(difference => difference.Part).Distinct()));
    }

    private static Dictionary<string, JsonElement> Params(string json) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json)!;
}
