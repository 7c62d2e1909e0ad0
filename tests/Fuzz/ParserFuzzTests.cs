using System.Text;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Code;
using Serverless.Core.Events;
using Serverless.Core.Logs;
using Serverless.Core.Notifications;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Search;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Tests.Functions;
using Serverless.Tests.Support;

namespace Serverless.Tests.Fuzz;

/// <summary>
/// Every parser of text from outside, whatever the text: a value, or what is wrong with it, or the one
/// exception that it declares; and never more memory than the text is worth.
/// </summary>
public sealed class ParserFuzzTests
{
    private const int Inputs = 1500;

    /// <summary>
    /// What parsing may allocate, live or not: a parser that works off its text piece by piece again and again allocates its square.
    /// </summary>
    private const long FixedBytes = 8L << 20, BytesPerCharacter = 3000;

    private static readonly string[] SpecsInJson =
    [
        """{"project":"p","name":"n","command":"train.cs --lr 1","code":{"snapshot":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"params":{"lr":0.1,"s":"x","b":true,"l":[1,2]},"seed":[1,2],"tags":["a"]}""",
        """{"project":"p","name":"n","command":"python3 t.py","setup":"pip install x","code":{"path":".","include":["**/*.py"]},"env":{"A":"1"},"inputs":["data/x/","digits:latest","run:01ABCDEFGHIJKLMNOPQRSTUVWX/artifacts/w"],"checks":{"val/accuracy":"0.9.."},"timeout":"02:00:00","grace":"5s"}""",
        """{"project":"p","name":"n","command":"c","from":{"run":"01ABCDEFGHIJKLMNOPQRSTUVWX","checkpoint":"max:acc"},"checkpoints":{"keep":3,"best":{"metric":"m","goal":"minimize"},"every":10},"retries":{"lost":1,"failed":0},"machine":"cpu","nodes":1,"fresh":true}""",
    ];

    private static readonly string[] SpecsInYaml =
    [
        "project: p\nname: n\ncommand: train.cs\ncode: { path: ., include: [\"**/*.cs\"] }\nparams: { lr: 0.1, s: 'x', b: true, l: [1, 2] }\nseed: " +
        "[1, 2]\ntags: [a]\n",
        "project: p\nname: n\ncommand: >\n  python3\n  t.py\nenv: &e\n  A: '1'\nparams: *e\ntimeout: 90m\nchecks:\n  val/accuracy: 0.9..\n  loss: " +
        "..0.1\ninputs:\n- data/x/\n- digits@0123abcd\n",
    ];

    private static readonly string[] TriggersInYaml =
    [
        "name: t\nwhen: { run: { project: p, experiment: e, state: [succeeded, failed], where: \"acc > 0.9 and params.x == 'a'\", best: { metric: " +
        "acc, goal: maximize } } }\nthen: { project: p, name: n, code: { snapshot: " + Snapshot
        + " }, command: x.cs, params: { a: '${run.metrics.acc}', b: 'x-${run.id}', c: $${HOME} } }\nlimits: { perHour: 5, depth: 2 }\n",
        "name: t\nwhen: { file: 'data/*.csv' }\nthen: { project: p, name: n, code: { snapshot: " + Snapshot
            + " }, command: sh x.sh, inputs: ['${event.path}'] }\nlimits: { debounce: 2s }\n",
        "name: t\nwhen: { schedule: { cron: '*/10 3 * * mon-fri', zone: Europe/Berlin, missed: skip } }\nthen: { project: p, name: n, code: { " +
        "snapshot: " + Snapshot + " }, command: x.cs, params: { at: '${schedule.at}' } }\n",
        "name: t\nwhen: { artifact: { project: p, experiment: e, path: 'w*' } }\nthen: { project: p, name: n, code: { snapshot: " + Snapshot
            + " }, command: x.cs, inputs: ['${event.input}', '${run.artifacts.w}'] }\n",
    ];

    private const string Snapshot = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    private static readonly Dictionary<string, (string[] Corpus, Action<string> Parse)> OfText = new()
    {
        ["spec in JSON"] = (SpecsInJson, text => Check(SpecReader.Read(text, SpecFormat.Json))),
        ["spec in YAML"] = (SpecsInYaml, text => Check(SpecReader.Read(text, SpecFormat.Yaml))),
        ["trigger in YAML"] = (TriggersInYaml, text => Check(TriggerReader.Read(text, SpecFormat.Yaml))),
        ["trigger in JSON"] = ([.. TriggersInYaml.Select(
            text => System.Text.Json.JsonSerializer.Serialize(TriggerReader.Read(text, SpecFormat.Yaml).Definition, CoreJson.Options))],
            text => Check(TriggerReader.Read(text, SpecFormat.Json))),
        ["condition"] = (["acc > 0.9", "not (state == failed) and params.lr <= 1e-3 or `any name` != 3", "tags == 'a' or step >= 10",
            "params.x == \"a\"", "has x and x in (1, 2) and x ~ a*"], text => Says(ConditionParser.Parse(text) is (null, null))),
        ["address of a webhook"] = (["https://host/a?room=my team", "http://127.0.0.1:1/{a}/[1]|\\x", "https://[::1]:8/100%",
            "https://hooks.slack.com/a#b", "https://münchen.example/ü\n"], Address),
        ["references"] = (["a ${run.id} b", "$${x}", "${event.path}", "${ run.params.lr }"], text => References.Pieces(text)),
        ["length of time"] = (["٥m", "02:00:00", "1.12:00:00", "1h30m", "0.5d", "20ms"], text => Durations.Parse(text)),
        ["range of a check"] = (["0.9..", "..0.1", "0.4..0.6"], text => CheckRange.Parse(text)?.Contains(1)),
        ["choice of a checkpoint"] = (["last", "best", "100", "max:acc"], text => CheckpointChoice.Parse(text)),
        ["artifact of a run"] = (["run:01ABCDEFGHIJKLMNOPQRSTUVWX/artifacts/a/b.c"], text => RunInput.Parse(text)),
        ["version of a dataset"] = (["digits:latest", "digits:3", "digits@0123abcd"],
            text => _ = DatasetReference.Parse(text) is null ? DatasetReference.Problem(text) : ""),
        ["pattern of paths"] = (["data/*.csv", "data/**", "**/a?[a-z].[!x]", "/top/**/x/"], Glob),
        ["pattern of names"] = (["run.*", "*", "a*b*c"], text => NamePattern.Matches(text, "run.failed.and.more/" + text)),
        ["cron"] = (["0 3 * * mon-fri", "*/10 1-5,7 L * 3#2", "0 0 1 1 ?"], text => Instants.CronProblem(text)),
        ["time zone"] = (["Europe/Berlin", "UTC", "Etc/GMT+5"], text => Instants.ZoneProblem(text)),
        ["number"] = (["1", "-1.5e-3", "9223372036854775807", "0x1F", "007", "-012"],
            text => _ = CanonicalJson.Number(text) + LeadingZeros.Without(text)),
        ["command"] = (["train.cs --a 'b c'", ".", "folder/ x", "a.csproj", "python3 \"x\\\"y\""],
            text => _ = EntryPoint.Problem(text) ?? EntryPoint.Resolve(text, ["train.cs", "a/b.cs"]).Problem),
        ["path"] = (["data/a/b.csv", "x"], text => ObjectKey.Problem(text)),
        ["name"] = (["succeeded", "worker-lost"], text => _ = EnumNames.Parse<Cause>(text)?.ToString() ?? EnumNames.Problem<Cause>(text)),
        ["place in a log"] = (["1-100", "2-0"], text => LogPosition.Parse(text)),
        ["names of secrets"] = (["exp_0123", "a.b.c"], text => EntraTokens.IsToken(text)),
        ["ETags"] = (["*", "\"a\"", "W/\"a\", \"b\"", "\"0x8D\",\"x\""], text => Declared<RequestException>(() => ETagList.Parse("If-Match", text))),
        ["list of what to ignore"] = (["*.pyc\n!keep.pyc\n/top\n# c\n[a-z]*\n"],
            text => Declared<SnapshotRefusedException>(() => new IgnoreRules(text.Split('\n').Take(3)).TakesIn("a/b/keep.pyc", isFolder: false))),
        ["delivery"] = ([new WebhookDelivery("msg_1", "w", 1, new("1", "run.failed", default, "workspace", "text")).ToMessage().Body],
            text => WebhookDelivery.From(new("1", OfBytes(text)))),
        ["event"] = ([new RunEnded("workspace", "01ABCDEFGHIJKLMNOPQRSTUVWX", RunState.Failed, Cause.UserCode).ToMessage(new Fixed()).Body],
            text => EventReader.WorkspaceEventIn(new("1", OfBytes(text)))),
    };

    public static TheoryData<string> Parsers => [.. OfText.Keys];

    [Theory, MemberData(nameof(Parsers))]
    public Task Text_WhateverItIs_IsAValueOrAProblem(string parser) => FuzzRun.Of(Inputs, mutator =>
    {
        var (corpus, parse) = OfText[parser];
        Bounded(mutator.Text(corpus), parse);
        return Task.CompletedTask;
    });

    /// <summary>Made by hand: what mutation seldom finds.</summary>
    [Theory]
    [InlineData("spec in JSON", "[", 200_000, "")]
    [InlineData("spec in JSON", "{\"a\":", 50_000, "")]
    [InlineData("spec in JSON", "{\"params\":{\"a\":1", 1, ",\"a\":1")]
    [InlineData("spec in JSON", "[0", 1, ",0")]
    [InlineData("spec in JSON", "{\"tags\":[\"\\ud800\"", 1, ",\"\\ud800\"")]
    [InlineData("spec in YAML", "[", 200_000, "")]
    [InlineData("spec in YAML", "{a: ", 50_000, "")]
    [InlineData("spec in YAML", "- ", 100_000, "")]
    [InlineData("spec in YAML", "? ", 100_000, "")]
    [InlineData("spec in YAML", "a: ", 80_000, "")]
    [InlineData("spec in YAML", "'", 200_000, "")]
    [InlineData("spec in YAML", "!", 200_000, "")]
    [InlineData("spec in YAML", "&a ", 60_000, "")]
    [InlineData("spec in YAML", "a: 9", 1, "9")]
    [InlineData(
        "spec in YAML",
        "a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e " +
        "[*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", 1, "")]
    [InlineData("references", "$${", 80_000, "")]
    [InlineData("references", "${a}", 60_000, "")]
    [InlineData("condition", "(", 2000, "")]
    [InlineData("condition", "not ", 500, "")]
    [InlineData("condition", "a==1 and ", 200, "")]
    [InlineData("pattern of paths", "**/", 166, "")]
    [InlineData("pattern of paths", "*a", 250, "")]
    [InlineData("pattern of paths", "[!a]", 125, "")]
    [InlineData("pattern of names", "*a", 100_000, "")]
    [InlineData("length of time", "1h", 100_000, "")]
    [InlineData("number", "9", 200_000, "")]
    [InlineData("number", "0", 200_000, "")]
    [InlineData("command", "'", 16_000, "")]
    [InlineData("time zone", "../", 10, "")]
    [InlineData("ETags", "\"a\",", 10_000, "")]
    public void Text_MadeToTakeLong_TakesNoMoreThanAnother(string parser, string repeated, int times, string then)
    {
        var text = new StringBuilder().Insert(0, repeated, times);
        if (then.Length > 0) text.Insert(text.Length, then, Math.Min(200_000, 240_000 / then.Length));
        Bounded(text.ToString(), OfText[parser].Parse);
    }

    [Fact]
    public void Problems_OfALongTextBelowALongName_StaySmall()
    {
        var name = new string('k', 100_000);
        var text = $"{{\"{name}\":{{{string.Join(',', Enumerable.Repeat("\"a\":1", 20_000))}}}}}";
        Bounded(text, text => Check(TriggerReader.Read(text, SpecFormat.Json)));
    }

    [Fact]
    public Task Snapshot_WhateverItIs_IsReadOrRefused()
    {
        var corpus = new[]
        {
            PlatformFixture.Zip(("train.cs", "x"), ("a/b.txt", "y")).Zip, PlatformFixture.Zip(("zeros.bin", new string('0', 100_000))).Zip,
            PlatformFixture.Zip(("é.cs", ""), ("b", "1")).Zip,
        };
        return FuzzRun.Of(Inputs, mutator =>
        {
            var zip = mutator.Bytes(corpus);
            Declared<SnapshotRefusedException>(
                () => SnapshotZip.Read(new MemoryStream(zip), new() { UnpackedBytes = 50_000, Entries = 10 }, into: null, default));
            return Task.CompletedTask;
        });
    }

    [Fact]
    public Task StoredKey_WhateverItIs_OpensNothingOrWhatItSays()
    {
        string[] corpus = ["""{"id":"0123","name":"ada","role":"reader","workspace":"workspace","created":"2026-01-01T00:00:00Z"}"""];
        return FuzzRun.Of(Inputs, async mutator =>
        {
            var store = new MemoryObjectStore(TimeProvider.System);
            var keys = new ApiKeys(store, TimeProvider.System, new Fixed());
            var person = new EntraPrincipal(default, default);
            await store.Put(PlatformPaths.Key(person.ToString()), Encoding.UTF8.GetBytes(mutator.Text(corpus)));
            if (await keys.Find(person) is { } key) Assert.True(Enum.IsDefined(key.Role), key.ToString());
        });
    }

    private static void Bounded(string text, Action<string> parse)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            parse(text);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{e.GetType().Name} {e.Message}\nof {text.Length} characters: {Excerpt.Of(text, 2000)}", e);
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(
            allocated < FixedBytes + (BytesPerCharacter * text.Length), $"{allocated} bytes for {text.Length} characters: {Excerpt.Of(text, 200)}");
    }

    private static void Check(SpecReading reading)
    {
        Small(reading.Problems, reading.Spec is null);
        if (reading.Spec is not { } spec) return;
        var again = SpecReader.Read(SpecWriter.ToJson(spec), SpecFormat.Json);
        Assert.True(again.Spec is not null, string.Join("; ", again.Problems));
    }

    private static void Check(TriggerReading reading)
    {
        Small(reading.Problems, reading.Definition is null);
        if (reading.Definition is not { } definition) return;
        var again = TriggerReader.Read(TriggerYaml.Write(definition), SpecFormat.Yaml);
        Assert.True(again.Definition is not null, string.Join("; ", again.Problems));
        RecordFormat.Write(WorkspacePaths.Trigger(definition.Name), new TriggerRecord("1", definition, null, default, default));
    }

    /// <summary>What is taken in can be stored, which is to say read again.</summary>
    private static void Address(string url)
    {
        if (WebhookRules.Problems("w", new(url), allowPrivate: true).Count > 0) return;
        RecordFormat.Write(
            PlatformPaths.Webhook("team", "w"), new Webhook("w", url, ["*"], null, null, WebhookRules.FormatOf(new(url)), "whsec_", "ada", default));
    }

    private static void Small(IReadOnlyList<Problem> problems, bool isRefused)
    {
        Assert.Equal(isRefused, problems.Count > 0);
        Assert.True(problems.Count <= ProblemList.Most + 1, $"{problems.Count} problems");
        Assert.All(
            problems,
            problem => Assert.True(
                problem.Path.Length <= Problem.MostOfPath + 1 && problem.Message.Length is > 0 and <= Problem.MostOfMessage + 1, problem.ToString()));
    }

    private static void Glob(string text)
    {
        if (TriggerRules.Glob(text).Pattern is { } pattern) pattern.Covers("data/" + string.Join('/', Enumerable.Repeat("aaaaaaaaa", 80)));
    }

    /// <summary>What comes as UTF-8 has no half characters.</summary>
    private static string OfBytes(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static void Says(bool nothing) => Assert.False(nothing, "neither a value nor a problem");

    private static void Declared<T>(Action parse) where T : Exception
    {
        try
        {
            parse();
        }
        catch (T e)
        {
            Assert.NotEmpty(e.Message);
        }
    }

    private sealed class Fixed : IIds
    {
        public string NewestFirst() => "01ABCDEFGHIJKLMNOPQRSTUVWX";

        public string Nonce() => "0123456789";
    }
}
