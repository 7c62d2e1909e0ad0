using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Serverless.Core;
using Serverless.Core.Code;
using Serverless.Core.Spec;
using Serverless.Functions.Hosting;
using Serverless.Functions.OpenApi;
using Serverless.Tests.Runs;

namespace Serverless.Tests.Client;

/// <summary>The types of the wire exist once, and both sides write them alike.</summary>
public sealed class WireTests
{
    /// <summary>What is written by people, and read by rules of its own; what only programs beside the platform ask for.</summary>
    private static readonly Type[] Others = [typeof(ExperimentSpec), typeof(CodeFacts)];

    /// <summary>Fields of the spec that this version refuses.</summary>
    private static readonly string[] NotYet = [nameof(ExperimentSpec.Nodes)];

    [Fact]
    public void EveryTypeThatTheApiSpeaks_IsTheClients_AndReadWithoutReflection()
    {
        var spoken = FunctionTable.OfThisAssembly().Http.Select(function => function.Method.GetCustomAttribute<OperationAttribute>()!)
            .SelectMany(operation => (Type?[])[operation.Answer, operation.Body]).OfType<Type>().Distinct().ToList();
        Assert.True(spoken.Count > 30);

        foreach (var type in spoken.Except(Others))
        {
            var one = type.GetElementType() ?? type;
            Assert.True(one == typeof(string) || one.Assembly == typeof(ServerlessClient).Assembly, $"{type} is spoken, and no type of the client");
            Assert.True(ApiJson.Types.GetTypeInfo(one, ApiJson.Options) is not null, $"{one} cannot be read without reflection");
        }
    }

    [Fact]
    public void EveryEnumOfTheWire_IsWrittenByItsName()
    {
        var enums = typeof(ServerlessClient).Assembly.GetExportedTypes().Where(type => type.IsEnum && type != typeof(ApiFault)).ToList();
        Assert.All(
            enums, type =>
                Assert.Equal(typeof(EnumNamesConverter<>).MakeGenericType(type), type.GetCustomAttribute<JsonConverterAttribute>()?.ConverterType));
        Assert.Contains(typeof(RunState), enums);
    }

    [Fact]
    public void BothSides_WriteARunAlike_AndReadIt()
    {
        var run = Some.Run() with
        {
            State = RunState.Failed, Cause = Cause.UserCode, Metrics = new Dictionary<string, double>
            {
                ["loss"] = double.NaN,
                ["acc"] = double.PositiveInfinity,
            },
            History = [new(DateTimeOffset.UnixEpoch, RunState.Running, 1)],
        };
        var platform = JsonSerializer.Serialize(run, CoreJson.Options);

        Assert.Equal(platform, JsonSerializer.Serialize(run, ApiJson.Options));
        Assert.Equal(platform, JsonSerializer.Serialize(JsonSerializer.Deserialize<RunRecord>(platform, ApiJson.Options), CoreJson.Options));
    }

    [Fact]
    public void AnAnswer_ThatLacksWhatItsTypePromises_IsNone()
    {
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<TriggerList>("{}", ApiJson.Options));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<TriggerList>("""{"triggers":null}""", ApiJson.Options));
    }

    /// <summary>A field of the spec that the client lacks, or writes otherwise than the platform reads it, is left at its default.</summary>
    [Fact]
    public void AnExperiment_HasEveryFieldOfTheSpec_AndIsReadAsItWasMeant()
    {
        var full = new Experiment
        {
            Project = "p", Name = "e", Code = new(new('0', 64), new('1', 40)), Command = "sh train.sh", Setup = "true", Machine = "gpu-t4",
            Seeds = [1, 2], Env = new Dictionary<string, string> { ["A"] = "b" },
            From = new("01ARZ3NDEKTSV4RRFFQ69G5FAV", "max:acc"), Params = new()
            {
                ["lr"] = 0.01,
                ["name"] = "x",
                ["deep"] = true,
                ["all"] = new JsonArray(1, 2),
                ["map"] = new JsonObject { ["lr"] = 0.1 },
            },
            Inputs = ["data/digits/"], Retries = new(3, 4), Timeout = TimeSpan.FromMinutes(90), GpuIdleTimeout = TimeSpan.FromMinutes(30),
            Grace = TimeSpan.FromSeconds(5), Checkpoints = new()
            {
                Keep = 2,
                Best = new("acc", Goal.Maximize),
                Every = 7,
            },
            Checks = new Dictionary<string, string> { ["acc"] = "0.9.." }, Tags = ["t"], Fresh = true,
            MetricPatterns = [@"^(?<step>\d+) rmse (?<rmse>\S+)"], Report = [new("Loss", X: "step", Series: [new("loss")])],
        };

        var reading = SpecReader.Read(JsonSerializer.Serialize(full, ApiJson.Options), SpecFormat.Json);
        Assert.True(reading.Spec is not null, string.Join("; ", reading.Problems));

        var blank = new ExperimentSpec { Project = "", Name = "", Command = "" };
        Assert.All(typeof(ExperimentSpec).GetProperties().Where(field => !NotYet.Contains(field.Name)), field => Assert.False(
            JsonNode.DeepEquals(JsonSerializer.SerializeToNode(field.GetValue(blank), CoreJson.Options),
                JsonSerializer.SerializeToNode(field.GetValue(reading.Spec), CoreJson.Options)), field.Name));
        Assert.Equal((TimeSpan.FromMinutes(90), 2, "max:acc"), (reading.Spec.Timeout, reading.Spec.Checkpoints.Keep, reading.Spec.From!.Checkpoint));
    }

    [Fact]
    public void CodeThatIsPackedTwice_IsTheSame()
    {
        Assert.Equal(CodeZip.Of(("a/b.cs", "1"), ("train.sh", "ü")), CodeZip.Of(("train.sh", "ü"), ("a/b.cs", "1")));
    }
}
