using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Versions;

namespace Serverless.Tests.Submit;

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
