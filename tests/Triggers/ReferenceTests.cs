using System.Text.Json;
using System.Text.RegularExpressions;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Triggers;

namespace Serverless.Tests.Triggers;

/// <summary>What stands for a reference, for each kind of trigger, and how it stands in a text.</summary>
public sealed class ReferenceTests
{
    private const string RunId = "7ABCDEF0123456789ABCDEFGHJ";

    private static readonly RunRecord Run = new()
    {
        Id = RunId, Project = "pruning", Experiment = "mlp", Version = 7, Key = "", Created = default, State = RunState.Failed,
        Spec = new()
        {
            Code = new("", ""), Command = "", Machine = "", Seed = 11,
            Params = JsonElement.Parse("""{"lr": 0.1, "deep": {"on": true, "off": false, "list": [1, "two"]}, "note": "yes"}""").EnumerateObject()
                .ToDictionary(field => field.Name, field => field.Value),
        },
    };

    private static TemplateContext Of(TriggerEvent happened, TriggerKind kind) => new(kind, "mine", happened)
    {
        Run = happened.RunId is null ? null : Run,
        Metrics = new Dictionary<string, double>
        {
            ["val/accuracy"] = 0.1 + 0.2, ["steps"] = 1e21, ["loss"] = double.NaN, ["gain"] = double.PositiveInfinity,
        },
        Artifacts = [.. ((string[])["model.safetensors", "out/a.csv", "out/a.json", "noext"]).Select(path => new OutputFile(path, "k", 1, "s"))],
    };

    private static readonly Dictionary<TriggerKind, TriggerEvent> Events = new()
    {
        [TriggerKind.Run] = new TriggerEvent.RunEnd(RunId),
        [TriggerKind.Artifact] = new TriggerEvent.Artifact(RunId, "out/a.csv"),
        [TriggerKind.File] = new TriggerEvent.File("data/in/b.csv", "\"e1\""),
        [TriggerKind.Dataset] = new TriggerEvent.Dataset("digits", 3),
        [TriggerKind.Schedule] = new TriggerEvent.Instant(new(2026, 3, 2, 4, 5, 0, TimeSpan.FromHours(1))),
    };

    public static TheoryData<TriggerKind, string, string> Values()
    {
        var data = new TheoryData<TriggerKind, string, string>();
        foreach (var kind in (TriggerKind[])[TriggerKind.Run, TriggerKind.Artifact])
        {
            data.Add(kind, "run.id", $"\"{RunId}\"");
            data.Add(kind, "run.project", "\"pruning\"");
            data.Add(kind, "run.experiment", "\"mlp\"");
            data.Add(kind, "run.version", "7");
            data.Add(kind, "run.state", "\"failed\"");
            data.Add(kind, "run.seed", "11");
            data.Add(kind, "run.params.lr", "0.1");
            data.Add(kind, "run.params.deep", """{"on":true,"off":false,"list":[1,"two"]}""");
            data.Add(kind, "run.params.deep.on", "true");
            data.Add(kind, "run.params.deep.off", "false");
            data.Add(kind, "run.params.note", "\"yes\"");
            data.Add(kind, "run.metrics.val/accuracy", "0.30000000000000004");
            data.Add(kind, "run.metrics.steps", "1e+21");
            data.Add(kind, "run.artifacts.model.safetensors", $"\"run:{RunId}/artifacts/model.safetensors\"");
            data.Add(kind, "run.artifacts.model", $"\"run:{RunId}/artifacts/model.safetensors\"");
            data.Add(kind, "run.artifacts.out/a.csv", $"\"run:{RunId}/artifacts/out/a.csv\"");
            data.Add(kind, "run.artifacts.noext", $"\"run:{RunId}/artifacts/noext\"");
        }

        data.Add(TriggerKind.Artifact, "event.path", "\"out/a.csv\"");
        data.Add(TriggerKind.Artifact, "event.name", "\"a.csv\"");
        data.Add(TriggerKind.Artifact, "event.input", $"\"run:{RunId}/artifacts/out/a.csv\"");
        data.Add(TriggerKind.File, "event.path", "\"data/in/b.csv\"");
        data.Add(TriggerKind.File, "event.name", "\"b.csv\"");
        data.Add(TriggerKind.File, "event.etag", "\"\\u0022e1\\u0022\"");
        data.Add(TriggerKind.Dataset, "dataset.name", "\"digits\"");
        data.Add(TriggerKind.Dataset, "dataset.version", "3");
        data.Add(TriggerKind.Dataset, "dataset.ref", "\"digits:3\"");
        data.Add(TriggerKind.Schedule, "schedule.at", "\"2026-03-02T03:05:00Z\"");
        foreach (var kind in Enum.GetValues<TriggerKind>()) data.Add(kind, "trigger.name", "\"mine\"");
        return data;
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void AReference_StandsForWhatHappened(TriggerKind kind, string reference, string json)
    {
        var (value, problem) = Of(Events[kind], kind).ValueOf(reference);
        Assert.Null(problem);
        Assert.Equal(json, TemplateJson.Of(value!).GetRawText());
    }

    /// <summary>What the error lists is what there is, and the other way round.</summary>
    [Fact]
    public void EveryNameThatTheErrorLists_IsOne_AndThereAreNoOthers()
    {
        var shown = Values().Select(row => row.Data).ToLookup(row => row.Item1, row => row.Item2);
        foreach (var (kind, happened) in Events)
        {
            var (value, problem) = Of(happened, kind).ValueOf("nothing.of.the.kind");
            Assert.Null(value);
            Assert.NotNull(problem);
            Assert.StartsWith($"${{nothing.of.the.kind}} is nothing that a {EnumNames.Of(kind)} trigger has", problem, StringComparison.Ordinal);
            var listed = problem[(problem.IndexOf("known: ", StringComparison.Ordinal) + 7)..].Split(". For ${")[0].Split(", ");
            Assert.Equal(
                shown[kind].Select(name => Regex.Replace(name, @"^run\.(params|metrics)\..*", "run.$1.NAME"))
                    .Select(name => Regex.Replace(name, @"^run\.artifacts\..*", "run.artifacts.PATH")).Distinct().Order(),
                listed.Order());
        }
    }

    [Theory]
    [InlineData("run.params.lrr", "runs of pruning/mlp have no parameter 'lrr'; did you mean 'lr'?")]
    [InlineData("run.params.deep.onn", "runs of pruning/mlp have no parameter 'deep.onn'; did you mean 'deep.on'?")]
    [InlineData("run.metrics.val/acuracy", "run 7ABCDEF0123456789ABCDEFGHJ has no metric 'val/acuracy'; did you mean 'val/accuracy'?")]
    [InlineData("run.metrics.loss", "the metric 'loss' of run 7ABCDEF0123456789ABCDEFGHJ is NaN")]
    [InlineData("run.metrics.gain", "the metric 'gain' of run 7ABCDEF0123456789ABCDEFGHJ is Infinity")]
    [InlineData("run.artifacts.out/a", "run 7ABCDEF0123456789ABCDEFGHJ left out/a.csv and out/a.json; write which in full")]
    [InlineData("run.artifacts.noext2", "run 7ABCDEF0123456789ABCDEFGHJ left no artifact 'noext2'; did you mean 'noext'?")]
    public void WhatARunHasNot_IsSaid_WithWhatIsMeantPerhaps(string reference, string said)
    {
        var (value, problem) = Of(Events[TriggerKind.Run], TriggerKind.Run).ValueOf(reference);
        Assert.Null(value);
        Assert.Equal(said, problem);
    }

    [Theory]
    [InlineData("run.params.")]
    [InlineData("run.metrics.")]
    [InlineData("run.artifacts.")]
    [InlineData("run")]
    [InlineData("")]
    public void AReferenceWithoutAName_IsNone(string reference) => Assert.Contains(
        "is nothing that a run trigger has", Of(Events[TriggerKind.Run], TriggerKind.Run).ValueOf(reference).Problem, StringComparison.Ordinal);

    [Theory]
    [InlineData("${a}", "5")]
    [InlineData("${ a }", "5")]
    [InlineData("${a}${b}", "\"5six\"")]
    [InlineData("x${a}", "\"x5\"")]
    [InlineData("${a}x", "\"5x\"")]
    [InlineData("x ${a} y ${b} z", "\"x 5 y six z\"")]
    [InlineData("$${a}", "\"${a}\"")]
    [InlineData("x$${a}y", "\"x${a}y\"")]
    [InlineData("xy $${a} ${a} $${b} zz", "\"xy ${a} 5 ${b} zz\"")]
    [InlineData("$$${a}", "\"$${a}\"")]
    [InlineData("$${", "\"${\"")]
    [InlineData("${yes}", "true")]
    [InlineData("is ${yes}", "\"is true\"")]
    [InlineData("$a {b} }", "\"$a {b} }\"")]
    [InlineData("", "\"\"")]
    public void AReferenceAloneIsItsValue_AndAmongTextItIsText(string template, string json)
    {
        var problems = new ProblemList();
        Assert.Equal(json, Text(Fill(template, problems)));
        Assert.Empty(problems);
    }

    [Theory]
    [InlineData("${a", "is not closed")]
    [InlineData("}${", "is not closed")]
    [InlineData("text ${a} and ${b", "is not closed")]
    [InlineData("of ${list}", "${list} is a list, which cannot be part of a text; write it alone")]
    [InlineData("${a}${map}", "${map} is a mapping, which cannot be part of a text; write it alone")]
    [InlineData("${gone}", "there is no gone")]
    [InlineData("x${gone}", "there is no gone")]
    public void WhatCannotBeFilledIn_IsSaidWhereItStands(string template, string said)
    {
        var problems = new ProblemList();
        References.Fill(Map("params", new() { Kind = SpecKind.List, Items = [Written(template)] }), Known, problems);
        var problem = Assert.Single(problems);
        Assert.Equal("params[0]", problem.Path);
        Assert.Contains(said, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("command")]
    [InlineData("setup")]
    public void AShell_GetsNoReference_AndIsToldHowElse(string field)
    {
        var problems = new ProblemList();
        References.Fill(Map(field, Written("sh ${ a } $${HOME}")), Known, problems);
        Assert.Equal(
            "${a} is not filled in here, because a shell would run what is in it; give it under params, as in x: \"${a}\", "
                + "and write \"$EXP_PARAM_X\" here, in quotes. The shell's own ${NAME} is written $${NAME}",
            Assert.Single(problems, problem => problem.Path == field).Message);
    }

    /// <summary>Each may stand for a long text.</summary>
    [Theory]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void ATemplate_HasThreeHundredReferencesAtMost(int references, bool fits)
    {
        var all = string.Join(", ", Enumerable.Repeat("\"${event.path}\"", references));
        var reading = TriggerReader.Read(
            $"name: a\nwhen: {{ file: data/x }}\nthen: {{ project: p, name: n, code: {{ snapshot: {new string('a', 64)} }}, command: c, "
                + $"params: {{ x: [{all}] }} }}",
            SpecFormat.Yaml);
        Assert.Equal(fits ? [] : [new Problem("then", "has more than 300 references")], reading.Problems);
    }

    private static SpecNode Fill(string template, ProblemList problems) => References.Fill(Written(template), Known, problems, "params.x");

    private static SpecNode Written(string text) => new() { Kind = SpecKind.Text, Text = text };

    private static SpecNode Map(string name, SpecNode value) => new() { Kind = SpecKind.Map, Fields = [KeyValuePair.Create(name, value)] };

    private static string Text(SpecNode node) => TemplateJson.Of(node).GetRawText();

    private static (SpecNode? Value, string? Problem) Known(string reference) => reference switch
    {
        "a" => (new() { Kind = SpecKind.Number, Text = "5" }, null),
        "b" => (new() { Kind = SpecKind.Text, Text = "six" }, null),
        "yes" => (new() { Kind = SpecKind.Boolean, Text = "true" }, null),
        "list" => (new() { Kind = SpecKind.List }, null),
        "map" => (new() { Kind = SpecKind.Map }, null),
        _ => (null, $"there is no {reference}"),
    };
}
