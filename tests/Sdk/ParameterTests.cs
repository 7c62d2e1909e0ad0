using Serverless.Contract;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class ParameterTests
{
    private const string Given = """{"lr": 0.25, "steps": 1e3, "name": "net", "on": true, "sizes": [1, 2], "kind": "second-best", "batch-size": 32, "missing": null, "unknown": {"a": 1}, "optimizer": {"lr": 0.5, "betas": [0.9, 0.99], "weight-decay": 0.1}, "net.width": 8}""";

    // An expression of a program with these parameters, and what it prints: the value, or the error's message.
    private static readonly (string Expression, string Printed)[] Table =
    [
        ("run.Param(\"lr\", 0.0)", "0.25"),
        ("run.Param(\"lr\", 0f)", "0.25"),
        ("run.Param(\"steps\", 0)", "1000"),
        ("run.Param(\"steps\", 0L)", "1000"),
        ("run.Param(\"name\", \"\")", "net"),
        ("run.Param(\"on\", false)", "True"),
        ("string.Join('+', run.Param<int[]>(\"sizes\", []))", "1+2"),
        ("run.Param(\"kind\", Kind.First)", "SecondBest"),
        ("run.Param(\"missing\", 5)", "5"),
        ("run.Param(\"absent\", 0.5f)", "0.5"),
        ("run.Params<Settings>()", "Settings { Lr = 0.25, BatchSize = 32, Momentum = 0.9, Name = net }"),
        ("run.Param(\"optimizer.lr\", 0.0)", "0.5"),
        ("run.Param(\"net.width\", 0)", "8"),
        ("run.Param(\"optimizer.momentum\", 0.7)", "0.7"),
        ("run.Param<double[]>(\"optimizer.betas\", [])[1]", "0.99"),
        ("run.Params<Nested>()",
            "Nested { Optimizer = Optimizer { Lr = 0.5, WeightDecay = 0.1, Momentum = 0.9 }, Net = Net { Width = 8 }, Schedule =  }"),
        ("run.Param(\"optimizer\", new Optimizer())", "Optimizer { Lr = 0.5, WeightDecay = 0.1, Momentum = 0.9 }"),
        ("run.Param(\"lr\", new Optimizer())", "parameter 'lr' is 0.25 (a number); a map (Optimizer) is wanted"),
        ("run.Params<NestedNeedy>()", "parameter 'optimizer.decay' is missing; a number is wanted"),
        ("run.Param(\"name\", 0.5)", "parameter 'name' is \"net\" (text); a number is wanted"),
        ("run.Param(\"lr\", 1)", "parameter 'lr' is 0.25 (a number); a whole number (Int32) is wanted"),
        ("run.Param(\"lr\", \"x\")", "parameter 'lr' is 0.25 (a number); text is wanted"),
        ("run.Param(\"sizes\", true)", "parameter 'sizes' is [1, 2] (a list); true or false is wanted"),
        ("run.Param<int[]>(\"lr\", [])", "parameter 'lr' is 0.25 (a number); a list, each a whole number (Int32) is wanted"),
        ("run.Param(\"name\", Kind.First)", "parameter 'name' is \"net\" (text); one of first, second-best is wanted"),
        ("run.Param<double>(\"decay\")", "parameter 'decay' is missing; a number is wanted"),
        ("run.Params<Needy>()", "parameter 'decay' is missing; a number is wanted"),
        ("run.Params<Wrong>()", "parameter 'name' is \"net\" (text); a whole number (Int64) is wanted"),
    ];

    [Fact]
    public async Task Param_GivesTheValueInItsFallbacksTypeOrSaysWhichWhatAndWhatIsWanted()
    {
        using var folder = new SdkRunFolder();
        folder.Params(Given);
        var program = SdkProgram.Of($$"""
            void Print(Func<object> value) { try { Console.WriteLine(value()); } catch (ParameterException e) { Console.WriteLine(e.Message); } }
            {{string.Join('\n', Table.Select(row => $"Print(() => {row.Expression});"))}}
            enum Kind { First, SecondBest }
            record Settings(double Lr = 1, int BatchSize = 64, double Momentum = 0.9) { public string Name { get; init; } = ""; }
            record Needy(double Decay);
            record Nested(Optimizer Optimizer, Net Net, Schedule? Schedule = null);
            record Optimizer(double Lr = 1, double WeightDecay = 0, double Momentum = 0.9);
            record Net(int Width = 1);
            record Schedule(int Warmup = 5);
            record NestedNeedy(Needy Optimizer);
            class Wrong { public long Name { get; set; } }
            """);
        var outcome = await folder.Run(program);
        Assert.Equal(Table, Table.Select(row => row.Expression).Zip(outcome.Succeeded().Lines));
    }

    [Fact]
    public async Task Param_OutsideThePlatform_ComesFromTheEnvironment()
    {
        using var folder = new SdkRunFolder();
        folder.Set(ContractNames.ParamPrefix + "BATCH_SIZE", "16").Set(ContractNames.ParamPrefix + "NAME", "17")
            .Set(ContractNames.ParamPrefix + "OPTIMIZER_LR", "0.5");
        var outcome = await folder.Run(SdkProgram.Of("""
            Console.WriteLine($"{run.Param("batch-size", 0)} {run.Param("name", "")} {run.Param("optimizer.lr", 0.0)} {run.Params<Settings>()}");
            record Settings(Optimizer? Optimizer = null);
            record Optimizer(double Lr = 1, int Steps = 3);
            """));
        Assert.Equal("16 17 0.5 Settings { Optimizer = Optimizer { Lr = 0.5, Steps = 3 } }\n", outcome.Succeeded().Output);
    }
}
