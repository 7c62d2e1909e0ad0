using System.Text;
using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Tests.Spec;

public sealed class SpecReaderTests
{
    private const string Whole = """
        project: pruning
        name: prune-mlp
        code: { path: ., include: ["**/*.cs"] }
        command: train.cs --fast
        setup: dotnet tool restore
        machine: cpu
        seed: [1, 2]
        env: { OMP_NUM_THREADS: "1" }
        from: { run: 0123456789ABCDEFGHJKMNPQRS, checkpoint: best }
        params: { lr: 0.10, sparsity: 5e-1, epochs: 5.0, name: adam, nesterov: true, layers: [64, 32], hex: 0x10 }
        inputs: [data/digits/, data/extra.csv]
        nodes: 1
        retries: { lost: 3, failed: 2 }
        timeout: 02:00:00
        grace: 45s
        checkpoints: { keep: 3, best: { metric: val/accuracy, goal: maximize }, every: 100 }
        checks: { "val/accuracy": "0.95..", val/loss: ..0.3 }
        tags: [baseline, "2026"]
        fresh: true
        """;

    public const string Least = "project: p\nname: n\ncommand: c\n";

    [Fact]
    public void Everything_a_spec_can_say_is_read()
    {
        var spec = Read(Whole);
        Assert.Equal(("pruning", "prune-mlp", "train.cs --fast", "cpu"), (spec.Project, spec.Name, spec.Command, spec.Machine));
        Assert.Equal((".", "**/*.cs"), (spec.Code.Path, Assert.Single(spec.Code.Include!)));
        Assert.Equal([1L, 2L], spec.Seeds);
        Assert.Equal("1", spec.Env["OMP_NUM_THREADS"]);
        Assert.Equal(new FromSource("0123456789ABCDEFGHJKMNPQRS", "best"), spec.From);
        Assert.Equal(
            """{"epochs":5,"hex":16,"layers":[64,32],"lr":0.1,"name":"adam","nesterov":true,"sparsity":0.5}""",
            JsonSerializer.Serialize(new SortedDictionary<string, JsonElement>(spec.Params.ToDictionary(), StringComparer.Ordinal)));
        Assert.Equal(["data/digits/", "data/extra.csv"], spec.Inputs);
        Assert.Equal((3, 2), (spec.Retries.Lost, spec.Retries.Failed));
        Assert.Equal((TimeSpan.FromHours(2), TimeSpan.FromSeconds(45)), (spec.Timeout, spec.Grace));
        Assert.Equal(new CheckpointRetention { Keep = 3, Best = new("val/accuracy", Goal.Maximize), Every = 100 }, spec.Checkpoints);
        Assert.Equal(("0.95..", "..0.3"), (spec.Checks["val/accuracy"], spec.Checks["val/loss"]));
        Assert.Equal(["baseline", "2026"], spec.Tags);
        Assert.True(spec.Fresh);
    }

    [Fact]
    public void Three_lines_are_a_spec()
    {
        var spec = Read("project: a\nname: b\ncommand: python train.py\n");
        Assert.Equal((".", "cpu", 10, 0), (spec.Code.Path, spec.Machine, spec.Retries.Lost, spec.Retries.Failed));
        Assert.Equal([0L], spec.Seeds);
        Assert.Equal((5, null as BestCheckpoint, 0), (spec.Checkpoints.Keep, spec.Checkpoints.Best, spec.Checkpoints.Every));
    }

    [Fact]
    public void What_is_written_as_JSON_reads_back_equal()
    {
        var spec = Read(Whole);
        var text = SpecWriter.ToJson(spec);
        var again = SpecReader.Read(text, SpecFormat.Json);
        Assert.Empty(again.Problems);
        Assert.Equivalent(spec with { Params = spec.Params }, again.Spec, strict: false);
        Assert.Equal(text, SpecWriter.ToJson(again.Spec!));

        var least = Read("project: a\nname: b\ncommand: c\nseed: 7\ntimeout: 1.12:30:00.5\n");
        Assert.Equal(SpecWriter.ToJson(least), SpecWriter.ToJson(SpecReader.Read(SpecWriter.ToJson(least), SpecFormat.Json).Spec!));
        Assert.Equal(new TimeSpan(1, 12, 30, 0, 500), least.Timeout);
    }

    [Fact]
    public void JSON_and_YAML_of_one_spec_are_the_same_spec()
    {
        var json = """{"project":"p","name":"n","command":"c","seed":3,"params":{"lr":1e-3,"n":2.0},"env":{"A":"b"}}""";
        var yaml = "project: p\nname: n\ncommand: c\nseed: 3\nparams: {lr: .001, n: 2}\nenv: {A: b}";
        Assert.Equal(SpecWriter.ToJson(SpecReader.Read(json, SpecFormat.Json).Spec!), SpecWriter.ToJson(Read(yaml)));
    }

    [Fact]
    public void All_problems_come_at_once_each_with_its_path()
    {
        var problems = Problems("""
            project: Pruning
            comand: train.cs
            seed: [1, one, 1]
            params: { lr: { max: null }, 9x: 1 }
            inputs: [data/ok.csv, ../secret]
            retries: { lost: many, faild: 1 }
            timeout: 90
            nodes: 2
            sweep: { lr: [1, 2] }
            """);
        Assert.Equal(
            ["command", "comand", "inputs[1]", "name", "nodes", "params.9x", "params.lr.max", "project", "retries.faild", "retries.lost", "seed[1]",
                "seed[2]", "sweep", "timeout"],
            problems.Keys.OrderBy(path => path == "comand" ? "command2" : path, StringComparer.Ordinal));
    }

    /// <summary>A line behind three that are a spec, and what is wrong with it.</summary>
    public static readonly (string Line, string Path, string Message)[] Faults =
    [
        ("comand: x", "comand", "unknown key 'comand'; did you mean 'command'?"),
        ("parameters: {}", "parameters", "unknown key 'parameters'; did you mean 'params'?"),
        ("zebra: x", "zebra", "unknown key 'zebra'"),
        ("from: { runn: x, run: 0123456789ABCDEFGHJKMNPQRS }", "from.runn", "unknown key 'runn'; did you mean 'run'?"),
        ("sweep: { lr: [1] }", "sweep", "not supported by this version; submit one experiment per point"),
        ("strategy: grid", "strategy", "belongs to sweep, which is not supported by this version; submit one experiment per point"),
        ("nodes: 2", "nodes", "2 is out of range: only 1; several nodes are not supported by this version"),
        ("secrets: [HF_TOKEN]", "secrets",
            "not supported by this version; give the worker's own environment what the code must not see in the workspace"),
        ("image: ubuntu", "image", "not supported by this version; install what the code needs with setup"),
        ("code: { git: url }", "code.git", "not supported by this version; check it out and give its path, or a snapshot"),
        ("machine: 4", "machine", "found the number 4, wanted text; write \"4\" in quotes"),
        ("machine: GPU", "machine", "'GPU' is not a machine class: a–z, 0–9 and '-', at most 40 characters"),
        ("tags: baseline", "tags", "found the text 'baseline', wanted a list; write [\"baseline\"]"),
        ("tags: [a b]", "tags[0]", "'a b' is not a tag: 1 to 64 characters, no space and no comma"),
        ("env: { A: 1 }", "env.A", "found the number 1, wanted text; write \"1\" in quotes"),
        ("env: { EXP_SEED: '1' }", "env.EXP_SEED", "names beginning with EXP_ are the platform's own; take another"),
        ("env: { A-B: '1' }", "env.A-B", "'A-B' is not a variable's name: letters, digits and '_', not a digit first, at most 128 characters"),
        ("params: { a: null }", "params.a", "found nothing, wanted a number, text, true or false, or a list or map of them"),
        ("params: { a: [1, { b: null }] }", "params.a[1].b", "found nothing, wanted a number, text, true or false, or a list or map of them"),
        ("params: { a: { 9x: 1 } }", "params.a.9x",
            "'9x' is not a parameter's name: letters, digits, '_', '.' and '-', a letter or '_' first, at most 128 characters"),
        ("params: { a: { b: 1 }, a_b: 2 }", "params.a_b", "and params.a.b are the same variable, EXP_PARAM_A_B; rename one"),
        ("params: { a: { b: 1 }, a.b: 2 }", "params.a.b", "is there twice: in a map, and with a dot in its name; keep one"),
        ("params: { a.b: 1, A_B: 2 }", "params.A_B", "and params.a.b are the same variable, EXP_PARAM_A_B; rename one"),
        ("params: [1]", "params", "found a list, wanted a mapping of names to values"),
        ("params: { a: 1e999 }", "params.a", "1e999 is not a number of 64 bits; write it in quotes if the code reads it as text"),
        ("params: { a: 99999999999999999999999 }", "params.a",
            "99999999999999999999999 is not a number of 64 bits; write it in quotes if the code reads it as text"),
        ("seed: 1.5", "seed", "found the number 1.5, wanted a whole number"),
        ("seed: -1", "seed", "-1 is out of range: 0 or more"),
        ("seed: [4, 4]", "seed[1]", "4 is there twice"),
        ("seed: []", "seed", "the list is empty; leave it out for the default"),
        ("inputs: [digits.csv]", "inputs[0]",
            "'digits.csv' is neither below data/ nor a version of a dataset; write a file or folder of the workspace, such as data/digits/, or " +
            "NAME:latest, NAME:3 or NAME@hash, or run:RUN-ID/artifacts/PATH"),
        ("inputs: [data/../keys]", "inputs[0]", "'data/../keys': the path has a '.' or '..' segment"),
        ("timeout: soon", "timeout", "found the text 'soon', wanted a length of time such as 02:00:00, 2h, 90m or 45s"),
        ("timeout: 90", "timeout", "found the number 90, wanted a length of time such as 02:00:00, 2h, 90m or 45s; seconds are written 90s"),
        ("timeout: 0s", "timeout", "must be longer than nothing; leave it out for no limit"),
        ("grace: 2h", "grace", "2h is out of range: 0s to 1h"),
        ("retries: { lost: -1 }", "retries.lost", "-1 is out of range: 0 to 1000"),
        ("checkpoints: { keep: 0 }", "checkpoints.keep", "0 is out of range: 1 to 1000; every: 1 keeps all"),
        ("checkpoints: { every: -1 }", "checkpoints.every", "-1 is out of range: 0 or more"),
        ("checkpoints: { kep: 3 }", "checkpoints.kep", "unknown key 'kep'; did you mean 'keep'?"),
        ("checkpoints: { best: { metric: acc } }", "checkpoints.best.goal", "is missing; wanted maximize or minimize"),
        ("checkpoints: { best: { metric: acc, goal: up } }", "checkpoints.best.goal", "found the text 'up', wanted maximize or minimize"),
        ("checkpoints: 3", "checkpoints", "found the number 3, wanted a mapping with keep, best, every"),
        ("checks: { acc: high }", "checks.acc", "'high' is not a range; write 0.95.. for at least, ..0.1 for at most, or 0.4..0.6"),
        ("checks: { acc: 0.9 }", "checks.acc", "found the number 0.9, wanted text; write \"0.9\" in quotes"),
        ("fresh: yes", "fresh", "found the text 'yes', wanted true or false"),
        ("code: { snapshot: abc }", "code.snapshot", "'abc' is not a SHA-256: 64 hexadecimal characters, lower case"),
        ("from: {}", "from.run", "is missing; wanted a run id: 26 characters of 0–9 and A–Z"),
        ("from: { run: 0123456789ABCDEFGHJKMNPQRS, checkpoint: newest }", "from.checkpoint",
            "'newest' is not a checkpoint; write last, best, a step, max:METRIC or min:METRIC"),
    ];

    public static TheoryData<string> Faulty => [.. Faults.Select(fault => fault.Line)];

    [Theory]
    [MemberData(nameof(Faulty))]
    public void A_problem_says_what_to_change(string line)
    {
        var (_, path, message) = Faults.Single(fault => fault.Line == line);
        var problem = Assert.Single(Problems(Least + line));
        Assert.Equal((path, message), (problem.Key, problem.Value));
    }

    [Theory]
    [InlineData("no", "'no' is a different value to different readers of YAML; write false, or 'no' in quotes if it is text")]
    [InlineData("On", "'On' is a different value to different readers of YAML; write true, or 'On' in quotes if it is text")]
    [InlineData("-012", "'-012' is a different value to different readers of YAML; write -12, or '-012' in quotes if it is text")]
    [InlineData("+07", "'+07' is a different value to different readers of YAML; write 7, or '+07' in quotes if it is text")]
    [InlineData("00.5", "'00.5' is a different value to different readers of YAML; write 0.5, or '00.5' in quotes if it is text")]
    [InlineData("012", "'012' is a different value to different readers of YAML; write 12, or '012' in quotes if it is text")]
    [InlineData("1_000", "'1_000' is a different value to different readers of YAML; write 1000, or '1_000' in quotes if it is text")]
    public void A_value_that_YAML_readers_disagree_about_is_refused_as_a_parameter(string written, string message)
    {
        Assert.Equal(message, Problems($"project: p\nname: n\ncommand: c\nparams: {{ a: {written} }}")["params.a"]);
        Assert.Equal(written, Read($"project: p\nname: n\ncommand: c\nparams: {{ a: '{written}' }}").Params["a"].GetString());
    }

    [Fact]
    public void Where_text_is_wanted_the_country_no_is_text() =>
        Assert.Equal("no", Read("project: p\nname: n\ncommand: c\nenv: { COUNTRY: no }").Env["COUNTRY"]);

    [Theory]
    [InlineData("a: [1, 2\nb: 3", "not YAML: cannot be read after line 1, column ")]
    [InlineData("project: p\n\tname: x", "not YAML: line 1, column 10: ")]
    [InlineData("a: *b", "not YAML: line 1, column 4: *b stands for nothing that was finished before it")]
    [InlineData("a: !!python/object x", "not YAML: line 1, column 4: the tag tag:yaml.org,2002:python/object means nothing here; remove it")]
    [InlineData("a: 1\n---\nb: 2", "not YAML: line 2, column 1: a second document begins here; a spec is one document")]
    [InlineData("? [a]\n: b", "not YAML: line 1, column 3: a key must be plain text")]
    public void A_fault_in_the_YAML_has_its_line_and_column(string yaml, string message) =>
        Assert.StartsWith(message, Assert.Single(Problems(yaml)).Value, StringComparison.Ordinal);

    [Fact]
    public void A_fault_in_the_JSON_has_its_line_and_column()
    {
        var problem = Assert.Single(SpecReader.Read("{\n \"project\": p}", SpecFormat.Json).Problems);
        Assert.StartsWith("not JSON: line 2, column 13: ", problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SpecFormat.Yaml, "project: p\nname: n\ncommand: c\nparams: { lr: 1, lr: 2 }", "params.lr")]
    [InlineData(SpecFormat.Json, """{"project":"p","name":"n","command":"c","params":{"lr":1,"lr":2}}""", "params.lr")]
    public void A_key_that_is_there_twice_is_refused(SpecFormat format, string text, string path)
    {
        var problem = Assert.Single(SpecReader.Read(text, format).Problems);
        Assert.Equal(path, problem.Path);
        Assert.StartsWith("is there twice", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_are_read_and_merge_keys_refused()
    {
        Assert.Equal("1", Read("project: p\nname: n\ncommand: c\nenv:\n  A: &one '1'\n  B: *one\n").Env["B"]);
        Assert.Equal(
            "merge keys are not supported; write the keys out", Problems("project: p\nname: n\ncommand: &c c\nenv: { <<: { A: b } }")["env.<<"]);
    }

    [Fact]
    public void A_few_lines_cannot_stand_for_a_billion_values()
    {
        var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 10; i++) bomb.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        Assert.Contains("more than 20000 values, aliases expanded", Assert.Single(Problems(bomb.ToString())).Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_and_length_are_limited()
    {
        Assert.Contains("nested deeper than 16 levels", Assert.Single(Problems("a: " + new string('[', 100_000))).Value, StringComparison.Ordinal);
        Assert.StartsWith(
            "not JSON", Assert.Single(SpecReader.Read(new string('[', 100_000), SpecFormat.Json).Problems).Message, StringComparison.Ordinal);
        Assert.Contains("256 KiB", Assert.Single(Problems("a: " + new string('x', 300_000))).Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet\n")]
    [InlineData("null")]
    public void An_empty_spec_says_what_it_needs(string yaml) =>
        Assert.Equal("the spec is empty; it needs at least project, name and command", Assert.Single(Problems(yaml)).Value);

    [Theory]
    [InlineData("[]")]
    [InlineData("just text")]
    [InlineData("5")]
    public void A_spec_that_is_no_mapping_is_refused_in_one_line(string yaml) =>
        Assert.Contains("wanted a mapping", Problems(yaml)[""], StringComparison.Ordinal);

    [Fact]
    public void Damaged_text_gets_problems_and_never_an_exception()
    {
        var random = new Random(4711);
        const string Noise = "[]{}:,-?*&!|>'\"%@`#\\\n\t \0x1é\uD800";
        for (var i = 0; i < 3000; i++)
        {
            var text = new StringBuilder(Whole);
            for (var edits = random.Next(1, 6); edits > 0; edits--)
            {
                var at = random.Next(text.Length);
                if (random.Next(3) == 0) text.Remove(at, Math.Min(random.Next(1, 20), text.Length - at));
                else text.Insert(at, Noise[random.Next(Noise.Length)]);
            }

            var reading = SpecReader.Read(text.ToString(), SpecFormat.Yaml);
            Assert.Equal(reading.Spec is null, reading.Problems.Count > 0);
        }
    }

    private static ExperimentSpec Read(string yaml)
    {
        var reading = SpecReader.Read(yaml, SpecFormat.Yaml);
        Assert.Empty(reading.Problems);
        return reading.Spec!;
    }

    private static Dictionary<string, string> Problems(string yaml)
    {
        var reading = SpecReader.Read(yaml, SpecFormat.Yaml);
        Assert.Null(reading.Spec);
        return reading.Problems.ToDictionary(problem => problem.Path, problem => problem.Message);
    }
}
