using System.Globalization;
using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Tests.Support;

namespace Serverless.Tests.Search;

/// <summary>Conditions by which runs are listed: more fields than those on ends, and bare names of parameters.</summary>
public sealed class ListConditionTests
{
    private static readonly DateTimeOffset Now = SampleRuns.Noon + TimeSpan.FromHours(3);

    private static readonly RunFacts Run = RunFacts.Of(RunSummary.Of(SampleRuns.Run() with
    {
        State = RunState.Failed, Cause = Cause.OutOfMemory, SubmittedBy = "ada@example.org", Tags = ["baseline", "night run"], Version = 7, Epoch = 2,
        Step = 500, Started = SampleRuns.Noon + TimeSpan.FromMinutes(10), Ended = SampleRuns.Noon + TimeSpan.FromMinutes(100),
        Metrics = new Dictionary<string, double>
        {
            ["val/accuracy"] = 0.93, ["loss"] = double.NaN, ["odd name"] = 1, ["lr"] = 9, ["age"] = 4,
        },
        Spec = SampleRuns.Run().Spec with
        {
            Params = new Dictionary<string, JsonElement>
            {
                ["lr"] = Json("0.001"), ["wd"] = Json("0.01"), ["state"] = Json("\"warm\""),
                ["optimizer"] = Json("""{"name":"adam","nesterov":true}"""),
            },
            Seed = 3,
        },
    }), Now);

    [Theory]
    [InlineData("val/accuracy > 0.9 and wd < 0.1")]
    [InlineData("val/accuracy>0.9 and wd<1e-1")]
    [InlineData("lr = 9 and metrics.lr == 9 and params.lr == 0.001")]
    [InlineData("optimizer.name = 'adam' and optimizer.nesterov = true and optimizer.name ~ a*m and optimizer.name !~ b*")]
    [InlineData("loss = nan and not loss < 1 and not loss > 1")]
    [InlineData("state = failed and cause = out-of-memory and params.state = 'warm' and `state` = 'warm'")]
    [InlineData("tags = baseline and tags = 'night run' and tags != other and tags ~ night*")]
    [InlineData("by = ada@example.org and by ~ *@example.org and machine != gpu-t4")]
    [InlineData("version = 7 and attempts > 1 and step >= 500 and seed = 3 and project = pruning and experiment in (cnn, mlp)")]
    [InlineData("created = 2026-05-01 and created >= 2026-05-01 and created <= 2026-05-01 and not created > 2026-05-01 and created < 2026-05-02")]
    [InlineData("created = 2026-05-01T12:00Z and created = '2026-05-01 12:00' and created > '2026-05-01 11:59'")]
    [InlineData("ended < 2026-05-01T15:40:01+02:00 and ended >= 2026-05-01T15:40:00+02:00")]
    [InlineData("age = 3h and age < 1d and duration = 90m and duration < 1h31m and `age` = 4")]
    [InlineData("`odd name` = 1 and has `odd name` and has val/accuracy and not has val/f1 and has started")]
    [InlineData("state = queued or state = failed and version = 7")]
    [InlineData("not state = queued and state not in (queued, running) and state !~ r*")]
    [InlineData("id ~ *1R")]
    public void HoldsOfTheRun(string text) => Assert.True(Read(text).IsTrue(Run));

    [Theory]
    [InlineData("val/accuracy > 0.93")]
    [InlineData("optimizer.name = 'Adam'")]
    [InlineData("tags != baseline")]
    [InlineData("created > 2026-05-01")]
    [InlineData("created < 2026-05-01")]
    [InlineData("age > 1d")]
    [InlineData("nothing = 3 or nothing != 3 or has nothing")]
    [InlineData("state in (queued, running)")]
    public void DoesNotHoldOfTheRun(string text) => Assert.False(Read(text).IsTrue(Run));

    [Theory]
    [InlineData("lr <", 5, "it ends where a metric, params.NAME, a field or a number is expected")]
    [InlineData("lr in 3", 7, "expected a list such as (1, 2)")]
    [InlineData("lr in (3 4)", 10, "expected ',' or ')'")]
    [InlineData("lr not 3", 8, "expected 'in'")]
    [InlineData("optimizer.name = adam", 18, "Write 'adam' in quotes")]
    [InlineData("state = fialed", 9, "state is one of queued, preparing, running, succeeded, failed, cancelled; did you mean 'failed'?")]
    [InlineData("experiment > a", 14, "experiment is a text: write == or !=")]
    [InlineData("created > yesterday", 11, "expected a date: 2026-11-01")]
    [InlineData("created > 01/02/2026", 11, "expected a date")]
    [InlineData("age < soon", 7, "expected a length of time")]
    [InlineData("step ~ 3*", 8, "step is a number; patterns are for texts")]
    [InlineData("by = ", 6, "expected a text")]
    [InlineData("has 3", 5, "expected a metric")]
    public void WhatIsWrong_IsSaidWithItsPlace(string text, int character, string said)
    {
        var (_, problem) = RunSearch.ParseCondition(text);
        Assert.StartsWith($"at character {character}: ", problem, StringComparison.Ordinal);
        Assert.Contains(said, problem, StringComparison.Ordinal);
    }

    /// <summary>Whatever is typed: it is read, or refused with a sentence.</summary>
    [Fact]
    public void AnyText_IsAConditionOrRefused()
    {
        var random = new Random(20261127);
        string[] words =
        [
            "lr", "and", "or", "not", "in", "has", "(", ")", ",", "=", "!=", "<", "~", "'", "`", "\"", "0.1", "state", "failed", "age", "2d", " ", "é", "-",
            "\ud83d",
        ];
        for (var i = 0; i < 20_000; i++)
        {
            var chosen = Enumerable.Range(0, random.Next(12)).Select(_ => words[random.Next(words.Length)]);
            var text = string.Join(random.Next(2) == 0 ? " " : "", chosen);
            var (condition, problem) = RunSearch.ParseCondition(text);
            Assert.Equal(condition is null, problem is { Length: > 0 });
            condition?.IsTrue(Run);
            var (order, wrong) = RunOrder.Parse(text);
            Assert.Equal(order is null, wrong is { Length: > 0 });
        }
    }

    /// <summary>Readings of and, or, not and parentheses agree with C#'s.</summary>
    [Fact]
    public void Logic_IsTheUsual()
    {
        var random = new Random(7);
        for (var i = 0; i < 2000; i++)
        {
            var (text, value) = Formula(random, 4);
            Assert.True(value == Read(text).IsTrue(Run), text);
        }
    }

    private static (string Text, bool Value) Formula(Random random, int depth)
    {
        if (depth == 0 || random.Next(4) == 0)
        {
            var number = random.Next(4, 10);
            return ($"version > {number.ToString(CultureInfo.InvariantCulture)}", 7 > number);
        }

        var (a, b) = (Formula(random, depth - 1), Formula(random, depth - 1));
        return random.Next(3) switch
        {
            0 => ($"({a.Text}) and ({b.Text})", a.Value && b.Value),
            1 => ($"({a.Text} or {b.Text})", a.Value || b.Value),
            _ => ($"not ({a.Text})", !a.Value),
        };
    }

    private static Condition Read(string text)
    {
        var (condition, problem) = RunSearch.ParseCondition(text);
        Assert.Null(problem);
        return condition!;
    }

    private static JsonElement Json(string text) => JsonElement.Parse(text);
}
