using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using Serverless.Core.Spec;
using Serverless.Core.Triggers;
using Serverless.Tests.Support;

namespace Serverless.Tests.Spec;

/// <summary>
/// What the reader takes the schema takes, and what it refuses the schema refuses: an editor that checks by the schema is told the truth.
/// </summary>
public sealed class SpecSchemaTests
{
    private static readonly JsonSchema Experiment = JsonSchema.FromText(SpecSchema.Experiment().ToJsonString());
    private static readonly JsonSchema Trigger = JsonSchema.FromText(TriggerReader.Schema().ToJsonString());

    /// <summary>Faults that no schema can tell: they are between fields, or in what a text means.</summary>
    private static readonly string[] BeyondSchemas =
    [
        "env: { EXP_SEED: '1' }", "params: { a.b: 1, A_B: 2 }", "params: { a: { b: 1 }, a_b: 2 }", "params: { a: { b: 1 }, a.b: 2 }",
        "params: { a: 1e999 }",
        "params: { a: 99999999999999999999999 }", "inputs: [data/../keys]", "timeout: 0s", "grace: 2h",
    ];

    /// <summary>One of everything that a field might be given; of each the schema and the reader must think the same.</summary>
    private static readonly string[] Values =
    [
        "null", "0", "1", "-1", "5", "1.5", "1e3", "100000", "true", "\"\"", "\"x\"", "\"A b,c\"", "\"2h\"", "\"90\"", "\"0.5..\"", "\"last\"",
        "\"data/x/\"", "\"d:latest\"", "\"d:0\"", "\"${x}\"",
        "[]", "[1]", "[-1]", "[1, 1]", "[1, 2]", "[\"x\"]", "[\"x\", \"x\"]", "[\"a b\"]", "[[1]]", "[null]", "[{}]", "[{\"a\": 1}]", "{}",
        "{\"a\": 1}", "{\"a\": \"x\"}", "{\"a\": \"0.5..\"}", "{\"9 a\": \"x\"}",
        "{\"a\": null}", "{\"a\": {\"b\": [1, {\"c\": true}]}}",
    ];

    [Fact]
    public void Valid_specs_are_valid_by_the_schema()
    {
        foreach (var line in File.ReadAllLines(Repository.PathOf("tests", "Versions", "golden-keys.txt")))
        {
            Assert.True(Takes(Experiment, line.Split('\t')[0]), line);
        }

        foreach (var file in Directory.GetFiles(Repository.PathOf("experiments"), "experiment.yaml", SearchOption.AllDirectories))
        {
            Assert.True(Takes(Experiment, File.ReadAllText(file)), file);
        }
    }

    [Theory]
    [MemberData(nameof(SpecReaderTests.Faulty), MemberType = typeof(SpecReaderTests))]
    public void A_spec_that_is_refused_is_refused_by_the_schema(string line) =>
        Assert.Equal(BeyondSchemas.Contains(line), Takes(Experiment, SpecReaderTests.Least + line));

    [Fact]
    public void Every_field_of_an_experiment_takes_by_the_schema_what_the_reader_takes() =>
        Same(Experiment, typeof(ExperimentSpec), JsonNode.Parse("""{"project": "p", "name": "n", "command": "c"}""")!.AsObject(),
            text => SpecReader.Read(text, SpecFormat.Json).Problems);

    [Fact]
    public void Every_field_of_a_trigger_takes_by_the_schema_what_the_reader_takes() =>
        Same(Trigger, typeof(TriggerDefinition),
            JsonNode.Parse("""{"name": "t", "when": {"file": "data/x"}, "then": {"project": "p", "name": "n", "command": "c"}}""")!.AsObject(),
            text => TriggerReader.Read(text, SpecFormat.Json).Problems);

    [Theory]
    [InlineData("seed: '${run.seed}'", true)]
    [InlineData("params: { lr: '${run.params.optimizer.lr}', list: ['${run.metrics.acc}'] }", true)]
    [InlineData("name: 'n-${run.id}'", true)]
    [InlineData("inputs: ['${run.artifacts.w}']", true)]
    [InlineData("seed: soon", false)]
    [InlineData("sed: 1", false)]
    public void A_template_may_have_references_where_values_are(string line, bool isTaken)
    {
        var yaml = "name: t\nwhen: { run: { project: q, experiment: e } }\nthen:\n  project: p\n  command: c\n"
            + (line.StartsWith("name", StringComparison.Ordinal) ? "" : "  name: n\n") + $"  {line}\n";
        Assert.Equal(isTaken, Takes(Trigger, yaml));
    }

    [Fact]
    public void Every_field_says_what_it_is_and_its_examples_are_valid()
    {
        foreach (var schema in (JsonObject[])[SpecSchema.Experiment(), TriggerReader.Schema()])
        {
            foreach (var (name, field) in schema["properties"]!.AsObject()) Assert.True(field!["description"]!.GetValue<string>().Length > 10, name);
        }
    }

    private static void Same(JsonSchema schema, Type type, JsonObject least, Func<string, IReadOnlyList<Problem>> problems)
    {
        var wrong = new List<string>();
        var tried = 0;
        Try(type, least, []);
        Assert.True(tried > 500);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        void Try(Type record, JsonObject root, string[] path)
        {
            foreach (var field in Fields.Of(record).Where(field => !field.About.IsExperiment))
            {
                string[] at = [.. path, field.Name];
                string[] bounds = [.. new[] { field.About.Min, field.About.Max }.Where(bound => bound is not (long.MinValue or long.MaxValue))
                    .SelectMany(bound => new[] { $"{bound - 1}", $"{bound}", $"{bound + 1}" })];
                string[] examples = field.About.Example is { } example ? [example] : [];
                foreach (var value in Values.Concat(bounds).Concat(examples))
                {
                    tried++;
                    var text = With(root, at, value).ToJsonString();
                    var refused = problems(text);
                    if (refused.Count == 0 != Takes(schema, text) && !IsBeyond(refused))
                    {
                        wrong.Add(
                            $"{string.Join('.', at)}: {value}: " +
                            $"{(refused.Count == 0 ? "only the reader takes it" : $"only the schema takes it; {refused[0]}")}");
                    }

                    if (examples.Contains(value))
                    {
                        Assert.True(refused.Count == 0, $"the example of {string.Join('.', at)}: {string.Join("; ", refused)}");
                    }
                }

                if (Fields.Items(field.Type) is { } item && Fields.IsRecord(item)) Try(item, With(root, at, field.About.Example!), [.. at, "0"]);
                else if (Fields.IsRecord(field.Type) && Fields.Items(field.Type) is null && Fields.Values(field.Type) is null)
                {
                    Try(field.Type, With(root, at, field.About.Example ?? "{}"), at);
                }
            }
        }
    }

    /// <summary>Bounds of lengths of time, texts with a grammar of their own, and fields that depend on another.</summary>
    private static bool IsBeyond(IReadOnlyList<Problem> refused) => refused.All(problem =>
        problem.Path is "timeout" or "when.run.where" or "when.schedule.cron" or "when.schedule.zone"
            || problem.Message.Contains("is out of range: 0s to 1h", StringComparison.Ordinal)
        || problem.Message.Contains("file triggers only", StringComparison.Ordinal)
        || problem.Message.Contains("name the file under results", StringComparison.Ordinal)
        || problem.Message.Contains("shows nothing", StringComparison.Ordinal));

    private static JsonObject With(JsonObject root, string[] path, string value)
    {
        var changed = (JsonObject)root.DeepClone();
        var at = changed;
        foreach (var (name, next) in path[..^1].Zip(path[1..]))
        {
            if (name == "0") continue;
            var inner = at[name] ??= new JsonObject();
            at = (JsonObject)(next == "0" ? inner[0]! : inner);
        }

        // Exactly one of them can be there.
        if (path is ["when", _]) at.Clear();
        at[path[^1]] = JsonNode.Parse(value);
        return changed;
    }

    /// <param name="yaml">JSON is YAML.</param>
    private static bool Takes(JsonSchema schema, string yaml)
    {
        var problems = new ProblemList();
        var tree = YamlSpec.Parse(yaml, problems);
        try
        {
            return tree is not null && schema.Evaluate(TemplateJson.Of(tree)).IsValid;
        }
        catch (InvalidDataException)
        {
            // Numbers of more than 64 bits, which JSON may have.
            return true;
        }
    }
}
