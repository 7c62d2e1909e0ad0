using Serverless.Contract;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class ParameterTests
{
    private const string Given = """{"lr": 0.25, "steps": 1e3, "name": "net", "on": true, "sizes": [1, 2], "kind": "second-best", "batch-size": 32, "missing": null, "unknown": {"a": 1}}""";

    [Fact]
    public async Task Param_TakesTheTypeOfItsFallback() => Assert.Equal(
        "0.25 1000 1000 net True 1,2 SecondBest 5 0.5",
        await Printed("""
            $"{run.Param("lr", 0.0)} {run.Param("steps", 0)} {run.Param("steps", 0L)} {run.Param("name", "")} {run.Param("on", false)} {string.Join(",", run.Param<int[]>("sizes", []))} {run.Param("kind", Kind.First)} {run.Param("missing", 5)} {run.Param("absent", 0.5f)}"
            """));

    [Theory]
    [InlineData("""run.Param("name", 0.5)""", "parameter 'name' is \"net\" (text); a number is wanted")]
    [InlineData("""run.Param("lr", 1)""", "parameter 'lr' is 0.25 (a number); a whole number (Int32) is wanted")]
    [InlineData("""run.Param("lr", "x")""", "parameter 'lr' is 0.25 (a number); text is wanted")]
    [InlineData("""run.Param("sizes", true)""", "parameter 'sizes' is [1, 2] (a list); true or false is wanted")]
    [InlineData("""run.Param<int[]>("lr", [])""", "parameter 'lr' is 0.25 (a number); a list, each a whole number (Int32) is wanted")]
    [InlineData("""run.Param("name", Kind.First)""", "parameter 'name' is \"net\" (text); one of first, second-best is wanted")]
    [InlineData("""run.Param<double>("decay")""", "parameter 'decay' is missing; a number is wanted")]
    [InlineData("""run.Params<Needy>()""", "parameter 'decay' is missing; a number is wanted")]
    [InlineData("""run.Params<Wrong>()""", "parameter 'name' is \"net\" (text); a whole number (Int64) is wanted")]
    public async Task Param_OfAnotherType_SaysWhichWhatAndWhatIsWanted(string expression, string message) => Assert.Equal(message, await Printed(expression));

    [Fact]
    public async Task Params_FillsARecordAndIgnoresTheRest() => Assert.Equal(
        "Settings { Lr = 0.25, BatchSize = 32, Momentum = 0.9, Name = net }",
        await Printed("run.Params<Settings>()"));

    [Fact]
    public async Task Param_OutsideThePlatform_ComesFromTheEnvironment()
    {
        using var folder = new SdkRunFolder();
        folder.Set(ContractNames.ParamPrefix + "BATCH_SIZE", "16").Set(ContractNames.ParamPrefix + "NAME", "17");
        var outcome = await folder.Run(SdkProgram.Of("""Console.WriteLine($"{run.Param("batch-size", 0)} {run.Param("name", "")}");"""));
        Assert.Equal("16 17\n", outcome.Succeeded().Output);
    }

    private static async Task<string> Printed(string expression)
    {
        using var folder = new SdkRunFolder();
        folder.Params(Given);
        var program = SdkProgram.Of($$"""
            try { Console.WriteLine({{expression}}); } catch (ParameterException e) { Console.WriteLine(e.Message); }
            enum Kind { First, SecondBest }
            record Settings(double Lr = 1, int BatchSize = 64, double Momentum = 0.9) { public string Name { get; init; } = ""; }
            record Needy(double Decay);
            class Wrong { public long Name { get; set; } }
            """);
        return (await folder.Run(program)).Succeeded().Output.TrimEnd();
    }
}
