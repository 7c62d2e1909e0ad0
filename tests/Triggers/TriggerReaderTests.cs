using System.Text.Json;
using Serverless.Core.Spec;
using Serverless.Core.Triggers;

namespace Serverless.Tests.Triggers;

public sealed class TriggerReaderTests
{
    private const string Then = "then: { project: p, name: n, code: { snapshot: SNAPSHOT }, command: train.cs }";

    [Theory]
    [InlineData("when: { file: data/x.csv }\n" + Then, "name", "missing")]
    [InlineData("name: Bad Name\nwhen: { file: data/x.csv }\n" + Then, "name", "is not a name")]
    [InlineData("name: a\n" + Then, "when", "missing")]
    [InlineData("name: a\nwhen: { file: data/x }", "then", "missing")]
    [InlineData("name: a\nwhen: {}\n" + Then, "when", "is empty")]
    [InlineData("name: a\nwhen: { file: data/x, dataset: d }\n" + Then, "when", "give one of them")]
    [InlineData("name: a\nwhen: { files: data/x }\n" + Then, "when.files", "did you mean 'file'?")]
    [InlineData("name: a\nwhen: { file: other/x.csv }\n" + Then, "when.file", "not below data/")]
    [InlineData("name: a\nwhen: { file: 'data/[a.csv' }\n" + Then, "when.file", "not closed")]
    [InlineData("name: a\nwhen: { file: 'data/[z-a]' }\n" + Then, "when.file", "not a pattern")]
    [InlineData("name: a\nwhen: { file: data/digits/ }\n" + Then, "when.file", "data/digits/**")]
    [InlineData("name: a\nwhen: { file: 'data//*.csv' }\n" + Then, "when.file", "can match no file: the path has an empty segment")]
    [InlineData("name: a\nwhen: { file: 'data/../*.csv' }\n" + Then, "when.file", "can match no file: the path has a '.' or '..' segment")]
    [InlineData("name: a\nwhen: { file: 'data/a/./b' }\n" + Then, "when.file", "can match no file")]
    [InlineData("name: a\nwhen: { file: 'data\\*.csv' }\n" + Then, "when.file", "below data/")]
    [InlineData("name: a\nwhen: { file: 'data/in\\*.csv' }\n" + Then, "when.file", "can match no file: the path has a backslash")]
    [InlineData("name: a\nwhen: { artifact: { project: p, experiment: e, path: 'out//m' } }\n" + Then, "when.artifact.path", "can match no file")]
    [InlineData("name: a\nwhen: { dataset: Digits! }\n" + Then, "when.dataset", "is not a name")]
    [InlineData("name: a\nwhen: { schedule: { cron: '99 * * * *' } }\n" + Then, "when.schedule.cron", "not a schedule")]
    [InlineData("name: a\nwhen: { schedule: { cron: '* * * * * *' } }\n" + Then, "when.schedule.cron", "five fields")]
    [InlineData("name: a\nwhen: { schedule: { cron: '0 0 30 2 *' } }\n" + Then, "when.schedule.cron", "never comes")]
    [InlineData("name: a\nwhen: { schedule: { cron: '0 3 * * *', zone: Mars/Base } }\n" + Then, "when.schedule.zone", "IANA")]
    [InlineData("name: a\nwhen: { schedule: { cron: '0 3 * * *', missed: twice } }\n" + Then, "when.schedule.missed", "once")]
    [InlineData("name: a\nwhen: { run: { project: p } }\n" + Then, "when.run.experiment", "missing")]
    [InlineData("name: a\nwhen: { run: { project: p, experiment: e, state: succeded } }\n" + Then, "when.run.state", "did you mean 'succeeded'?")]
    [InlineData("name: a\nwhen: { run: { project: p, experiment: e, where: 'acc > ' } }\n" + Then, "when.run.where", "at character 7")]
    [InlineData("name: a\nwhen: { run: { project: p, experiment: e, best: { metric: acc, goal: most } } }\n" + Then, "when.run.best.goal",
        "maximize or minimize")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n }", "then.command", "missing")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, command: train.cs, sed: 1 }", "then.sed", "did you mean 'seed'?")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, command: train.cs, params: { x: '${event.pth}' } }", "then.params.x",
        "did you mean 'event.path'?")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, command: train.cs, params: { x: '${run.id}' } }", "then.params.x",
        "nothing that a file trigger has")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, command: train.cs, params: { x: '${event.path' } }", "then.params.x",
        "not closed")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, command: 'sh x.sh ${event.path}' }", "then.command", "$EXP_PARAM_X")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, command: '${event.path}' }", "then.command", "not filled in here")]
    [InlineData("name: a\nwhen: { dataset: d }\nthen: { project: p, name: n, command: train.cs, setup: 'echo ${dataset.version}' }", "then.setup",
        "not filled in here")]
    [InlineData("name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, command: train.cs, params: { x: no } }", "then.params.x",
        "different value to different readers")]
    [InlineData("name: a\nwhen: { run: { project: p, experiment: e } }\nthen: { project: p, name: 'n-${run.id}', command: train.cs }", "then.name",
        "is not a name")]
    [InlineData("name: a\nwhen: { file: data/x }\nlimits: { perHour: 0 }\n" + Then, "limits.perHour", "1 to 1000")]
    [InlineData("name: a\nwhen: { file: data/x }\nlimits: { debounce: 5 }\n" + Then, "limits.debounce", "5s")]
    [InlineData("name: a\nwhen: { dataset: d }\nlimits: { debounce: 5s }\n" + Then, "limits.debounce", "file triggers only")]
    [InlineData("name: [\nwhen: }", "", "not YAML")]
    public void BadInput_IsRefusedWithItsPlaceAndReason(string yaml, string path, string said)
    {
        var reading = TriggerReader.Read(yaml.Replace("SNAPSHOT", new string('a', 64), StringComparison.Ordinal), SpecFormat.Yaml);
        Assert.Null(reading.Definition);
        Assert.Contains(reading.Problems, problem => problem.Path == path && problem.Message.Contains(said, StringComparison.Ordinal));
    }

    [Fact]
    public void Command_KeepsTheReferencesOfItsShell()
    {
        var reading = TriggerReader.Read(
            "name: a\nwhen: { file: data/x }\nthen: { project: p, name: n, code: { snapshot: " + new string('a', 64)
                + " }, command: 'echo $${HOME}', params: { x: '${event.path}' } }", SpecFormat.Yaml);
        Assert.Empty(reading.Problems);
    }

    [Fact]
    public void EveryProblem_IsSaidAtOnce()
    {
        var reading = TriggerReader.Read(
            "name: X\nwhen: { run: { project: P, experiment: e, where: '>' } }\nthen: { project: p }\nlimits: { depth: 99 }", SpecFormat.Yaml);
        Assert.Equal(["name", "when.run.project", "when.run.where", "limits.depth", "then.name", "then.command"],
            reading.Problems.Select(problem => problem.Path));
    }

    [Theory]
    [InlineData("data/in/*.csv", "then.params.a then.comand then.command")]
    [InlineData("data/[", "when.file then.comand then.command")]
    public void WhatIsWrongWithTheExperiment_IsSaidBesideAReferenceThatIsNothing(string pattern, string paths)
    {
        var yaml = $$"""
            name: looks
            when: { file: "{{pattern}}" }
            then: { project: p, name: e, comand: x, params: { a: "${run.id}" } }
            """;
        Assert.Equal(paths.Split(' '), TriggerReader.Read(yaml, SpecFormat.Yaml).Problems.Select(problem => problem.Path));
    }

    [Fact]
    public void AWrittenTrigger_IsReadBackEqual()
    {
        var yaml = TriggerWorld.OnMlp(
            ", state: [failed, cancelled], where: \"val/accuracy > 0.9 or params.note == 'yes: no'\", best: { metric: val/accuracy, goal: minimize }",
            "env: { A: \"$${HOME} ${run.id}\", B: \"on\" }\n  seed: [1, 2]\n  tags: [\"${run.state}\"]", "{ perHour: 5, depth: 3 }")
            .Replace("SNAPSHOT", new string('a', 64), StringComparison.Ordinal);
        var definition = TriggerReader.Read(yaml, SpecFormat.Yaml).Definition!;
        var written = TriggerYaml.Write(definition);
        Assert.Equal(Text(definition), Text(TriggerReader.Read(written, SpecFormat.Yaml).Definition!));
        Assert.Equal(Text(definition), Text(TriggerReader.Read(Text(definition), SpecFormat.Json).Definition!));
        Assert.Contains("where: \"val/accuracy > 0.9 or", written, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name: mine\n", "mine", "mine", null)]
    [InlineData("", "mine", "mine", null)]
    [InlineData("name: mine\n", null, "mine", null)]
    [InlineData("name: other\n", "mine", null, "name: 'other' is stored under another name, 'mine'; make them the same")]
    [InlineData("", null, null, "name: is missing")]
    [InlineData("", "Not A Name", null, "name: 'Not A Name' is not a name: ")]
    public void ATrigger_MayLeaveItsNameToWhatItIsStoredUnder(string written, string? under, string? name, string? problem)
    {
        var reading = TriggerReader.Read(
            written + "when: { dataset: d }\n" + Then.Replace("SNAPSHOT", new string('a', 64), StringComparison.Ordinal), SpecFormat.Yaml, under);
        Assert.Equal(name, reading.Definition?.Name);
        if (problem is null) Assert.Empty(reading.Problems);
        else Assert.StartsWith(problem, Assert.Single(reading.Problems).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ATrigger_IsSoLongAtMost()
    {
        var written = "name: a\nwhen: { dataset: d }\n" + Then.Replace("SNAPSHOT", new string('a', 64), StringComparison.Ordinal) + "\n# ";
        var most = written + new string('x', SpecLimits.TextBytes - written.Length);
        Assert.Empty(TriggerReader.Read(most, SpecFormat.Yaml).Problems);
        Assert.Equal([new("", "a trigger is at most 256 KiB")], TriggerReader.Read(most + "x", SpecFormat.Yaml).Problems);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("5")]
    [InlineData("\"text\"")]
    [InlineData("null")]
    public void WhatIsNoMapping_IsNoTrigger_WhateverNameItIsToHave(string json)
    {
        Assert.NotEmpty(TriggerReader.Read(json, SpecFormat.Json, "mine").Problems);
        Assert.NotEmpty(TriggerReader.Read(json, SpecFormat.Json).Problems);
    }

    [Fact]
    public void ATemplate_KeepsEveryKindOfValue()
    {
        const string Written = """{"a":true,"b":false,"c":null,"d":[1,2.5,"x",{}],"e":-0.0001}""";
        Assert.Equal(Written, TemplateJson.Of(TemplateJson.Parse(JsonElement.Parse(Written))).GetRawText());
    }

    /// <summary>What other readers of YAML take for something else stands in quotes; what everybody takes for text does not.</summary>
    [Fact]
    public void AWrittenTrigger_ReadsAsPeopleWriteThem()
    {
        var reading = TriggerReader.Read(
            """
            name: looks
            when: { file: "data/in/*.csv" }
            then:
              project: p
              name: n
              code: { snapshot: SNAPSHOT }
              command: train.cs
              seed: [1, 2]
              params: { plain: some/path-1.x, word: "yes", number: "12", spaced: "a b", empty: "", on: true, ratio: 0.5 }
            limits: { debounce: 5s }
            """.Replace("SNAPSHOT", new string('a', 64), StringComparison.Ordinal), SpecFormat.Yaml);
        Assert.Empty(reading.Problems);
        Assert.Equal(
            $"""
            name: looks
            when:
              file: "data/in/*.csv"
            then:
              project: p
              name: "n"
              code:
                snapshot: {new string('a', 64)}
              command: train.cs
              seed: [1, 2]
              params:
                plain: some/path-1.x
                word: "yes"
                number: "12"
                spaced: "a b"
                empty: ""
                "on": true
                ratio: 0.5
            limits:
              perHour: 100
              depth: 8
              debounce: "00:00:05"

            """, TriggerYaml.Write(reading.Definition!));
    }

    /// <summary>Nothing is said of what only follows from something that is wrong.</summary>
    [Theory]
    [InlineData("name: a\nwhen: { run: { project: P P, experiment: e } }\nlimits: { debounce: 5s }\n", "${run.id}", "when.run.project")]
    [InlineData("name: A A\nwhen: { dataset: d }\n", "${run.id}", "name")]
    [InlineData("name: a\nwhen: { dataset: D D }\n", "${run.id}", "when.dataset")]
    [InlineData("name: a\nwhen: { dataset: d }\nlimits: { perHour: 0 }\n", "${run.id}", "limits.perHour then.params.x")]
    public void WhatFollowsFromAProblem_IsNoOther(string beginning, string value, string paths)
    {
        var reading = TriggerReader.Read(
            beginning + $"then: {{ project: p, name: n, code: {{ snapshot: {new string('a', 64)} }}, command: c, params: {{ x: \"{value}\" }} }}",
            SpecFormat.Yaml);
        Assert.Null(reading.Definition);
        Assert.Equal(paths.Split(' '), reading.Problems.Select(problem => problem.Path));
    }

    [Fact]
    public void TheSchema_SaysThatItIsOfATrigger() =>
        Assert.Equal("A trigger", TriggerReader.Schema()["title"]!.GetValue<string>());

    private static string Text(TriggerDefinition definition) => JsonSerializer.Serialize(definition, Serverless.Core.CoreJson.Options);
}
