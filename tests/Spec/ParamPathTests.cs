using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Versions;

namespace Serverless.Tests.Spec;

public sealed class ParamPathTests
{
    private static readonly Dictionary<string, JsonElement> All = Params(
        """{"lr": 1, "optimizer": {"name": "adam", "betas": [0.9, 0.99], "decay": {"rate": 2}, "none": {}}, "net.width": 8}""");

    [Fact]
    public void EveryParameter_HasItsPath() => Assert.Equal(
        ["lr=1", "optimizer.name=adam", "optimizer.betas=[0.9, 0.99]", "optimizer.decay.rate=2", "optimizer.none={}", "net.width=8"],
        ParamPath.Flat(All).Select(param => $"{param.Key}={param.Value}"));

    [Theory]
    [InlineData("lr", "1")]
    [InlineData("optimizer.decay.rate", "2")]
    [InlineData("optimizer.decay", """{"rate": 2}""")]
    [InlineData("net.width", "8")]
    [InlineData("optimizer.rate", null)]
    [InlineData("lr.x", null)]
    [InlineData("optimizer.", null)]
    public void AParameter_IsFoundByItsPath(string path, string? value) => Assert.Equal(value, ParamPath.Find(All, path)?.GetRawText());

    [Theory]
    [InlineData("lr", """{"lr":5,"optimizer":{"a":1},"net.width":8}""")]
    [InlineData("optimizer.a", """{"lr":1,"optimizer":{"a":5},"net.width":8}""")]
    [InlineData("optimizer.b.c", """{"lr":1,"optimizer":{"a":1,"b":{"c":5}},"net.width":8}""")]
    [InlineData("net.width", """{"lr":1,"optimizer":{"a":1},"net.width":5}""")]
    [InlineData("new.one", """{"lr":1,"optimizer":{"a":1},"net.width":8,"new":{"one":5}}""")]
    public void AParameter_IsSetWhereItsPathLeads(string path, string changed) => Assert.Equal(
        changed, JsonSerializer.Serialize(
            ParamPath.With(Params("""{"lr": 1, "optimizer": {"a": 1}, "net.width": 8}"""), path, JsonElement.Parse("5"))));

    [Fact]
    public void ADifferenceInAMap_IsNamedByItsPath()
    {
        RunSpec Spec(string json) => new() { Code = new("zip", "tree"), Command = "c", Params = Params(json) };
        RunSpec one = Spec("""{"optimizer": {"lr": 1, "b": 2}}"""), two = Spec("""{"optimizer": {"b": 2.0, "lr": 3}}"""),
            dotted = Spec("""{"optimizer.lr": 1, "optimizer": {"b": 2}}""");
        Assert.Equal([new("params", "optimizer.lr", "1", "3")], KeyDifference.Between(one, two, default));
        Assert.NotEqual(RunKey.Of(one), RunKey.Of(dotted));
        Assert.Equal(["'optimizer.lr'", "optimizer.lr"], KeyDifference.Between(one, dotted, default).Select(difference => difference.Name));
    }

    private static Dictionary<string, JsonElement> Params(string json) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json)!;
}
