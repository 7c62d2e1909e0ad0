using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Tests.Runs;

namespace Serverless.Tests.Search;

public sealed class ConditionTests
{
    private static readonly Dictionary<string, double> Metrics = new()
    {
        ["val/accuracy"] = 0.96,
        ["train-loss.mean"] = 0.5,
        ["my metric"] = 3,
        ["bad"] = double.NaN,
    };

    private static readonly RunRecord Run = Some.In("succeeded") with
    {
        Tags = ["baseline", "v2"],
        Step = 1200,
        Spec = Some.Run().Spec with
        {
            Seed = 7,
            Params = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(
                """{"sparsity":0.5,"optimizer":"adam","augment":true,"count":"7"}""")!,
        },
    };

    [Theory]
    [InlineData("val/accuracy > 0.95", true)]
    [InlineData("val/accuracy>0.96", false)]
    [InlineData("val/accuracy >= 0.96", true)]
    [InlineData("0.97 > val/accuracy", true)]
    [InlineData("val/accuracy > train-loss.mean", true)]
    [InlineData("train-loss.mean == 0.5", true)]
    [InlineData("metrics.val/accuracy <= 1e0", true)]
    [InlineData("`my metric` == 3", true)]
    [InlineData("params.sparsity >= 0.5 and val/accuracy > 0.95", true)]
    [InlineData("params.sparsity != 0.5 or params.optimizer == 'adam'", true)]
    [InlineData("params.optimizer == \"sgd\"", false)]
    [InlineData("params.optimizer != 'sgd'", true)]
    [InlineData("params.augment == true", true)]
    [InlineData("params.count == 7", false)]
    [InlineData("state == succeeded", true)]
    [InlineData("state != failed", true)]
    [InlineData("step >= 1000 and seed == 7", true)]
    [InlineData("tags == baseline and tags != old", true)]
    [InlineData("tags == v3", false)]
    [InlineData("not (tags == v2)", false)]
    [InlineData("not tags == v2 or seed == 7", true)]
    [InlineData("seed == 1 or seed == 7 and step < 10", false)]
    [InlineData("(seed == 1 or seed == 7) and step > 10", true)]
    [InlineData("missing > 0", false)]
    [InlineData("missing != 0", false)]
    [InlineData("not missing > 0", true)]
    [InlineData("params.missing == 1", false)]
    [InlineData("bad > 0 or bad < 0 or bad == 0", false)]
    [InlineData("train-loss.mean < 0.5", false)]
    [InlineData("train-loss.mean <= 0.5", true)]
    [InlineData("train-loss.mean <= 0.4", false)]
    [InlineData("train-loss.mean >= 0.5 and train-loss.mean < 0.6", true)]
    [InlineData("train-loss.mean > 0.5", false)]
    [InlineData("train-loss.mean != 0.5", false)]
    [InlineData("train-loss.mean != 0.4", true)]
    [InlineData("params.augment != false", true)]
    [InlineData("tags == 'baseline' and tags == \"v2\"", true)]
    [InlineData("tags != \"baseline\"", false)]
    [InlineData("params.sparsity == `train-loss.mean`", true)]
    [InlineData("params.sparsity < metrics.val/accuracy", true)]
    [InlineData("  seed==7\n and\tstep == 1200 ", true)]
    [InlineData("seed = 7 and sparsity = 0.5 and params.optimizer ~ 'ad*' and tags ~ base*", true)]
    [InlineData("seed in (6, 7) and seed not in (1, 2) and has sparsity and not has nothing and has tags", true)]
    [InlineData("has > 3 or in > 3 or age > 3", false)]
    public void ACondition_IsTrueOfWhatARunHas(string text, bool expected)
    {
        var (condition, problem) = ConditionParser.Parse(text);
        Assert.Null(problem);
        Assert.Equal(expected, condition!.IsTrue(RunFacts.Of(Run, Metrics)));
    }

    [Theory]
    [InlineData("", 1, "it ends")]
    [InlineData("val/accuracy", 13, "expected one of <")]
    [InlineData("val/accuracy > ", 16, "it ends")]
    [InlineData("tags > a", 8, "== (one of them is it) or !=")]
    [InlineData("val/accuracy > 0.9 but", 20, "'and', 'or'")]
    [InlineData("(seed == 1", 11, "')'")]
    [InlineData("seed == 1)", 10, "'and', 'or'")]
    [InlineData("state == succeded", 10, "did you mean 'succeeded'?")]
    [InlineData("state > succeeded", 9, "== or !=")]
    [InlineData("succeeded == state", 14, "on the left")]
    [InlineData("params.optimizer == adam", 21, "'adam' in quotes")]
    [InlineData("params.optimizer < 'adam'", 20, "== or !=")]
    [InlineData("seed == 1.2.3", 9, "not a number")]
    [InlineData("params.name == 'x", 16, "not closed")]
    [InlineData("and seed == 1", 1, "before 'and'")]
    [InlineData("seed == 1 and", 14, "it ends")]
    [InlineData("seed == €", 9, "expected a metric")]
    public void WhatIsNoCondition_IsRefusedWithItsPlace(string text, int character, string said)
    {
        var (_, problem) = ConditionParser.Parse(text);
        Assert.StartsWith($"at character {character}: ", problem, StringComparison.Ordinal);
        Assert.Contains(said, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_HasALimit_AndDoesNotOverflow()
    {
        Assert.Contains("nested deeper", ConditionParser.Parse(new string('(', 900) + "seed == 1").Problem, StringComparison.Ordinal);
        Assert.Contains(
            "nested deeper", ConditionParser.Parse(string.Concat(Enumerable.Repeat("not ", 400)) + "seed == 1").Problem, StringComparison.Ordinal);
        Assert.Contains("longer than", ConditionParser.Parse(new string('x', 5000)).Problem, StringComparison.Ordinal);
    }

    /// <summary>What is side by side is no deeper than one of them.</summary>
    [Fact]
    public void LimitsOfLengthAndDepth_AreReachedAndNotPassed()
    {
        Assert.Null(ConditionParser.Parse(string.Join(" and ", Enumerable.Repeat("(seed == 7)", 80))).Problem);
        Assert.Null(ConditionParser.Parse(new string('(', 49) + "seed == 7" + new string(')', 49)).Problem);
        Assert.Contains(
            "nested deeper", ConditionParser.Parse(new string('(', 50) + "seed == 7" + new string(')', 50)).Problem, StringComparison.Ordinal);
        Assert.Null(ConditionParser.Parse("seed == 7" + new string(' ', 2000 - "seed == 7".Length)).Problem);
        Assert.Contains(
            "longer than", ConditionParser.Parse("seed == 7" + new string(' ', 2001 - "seed == 7".Length)).Problem, StringComparison.Ordinal);
        Assert.Equal("has a control character", ConditionParser.Parse("seed == 7\u0001").Problem);
    }

    [Theory]
    [InlineData(2, 0, "passed"), InlineData(1, 1, "failed"), InlineData(0, 2, "failed"), InlineData(0, 0, null)]
    public void Checks_PassedWhenAllDid_AndAreNeitherWhenThereAreNone(int passed, int failed, string? which)
    {
        var checks = Enumerable.Range(0, passed + failed).Select(i => new CheckOutcome($"m{i}", "..1", 0, i < passed)).ToList();
        foreach (var asked in (string[])["passed", "failed"])
        {
            Assert.Equal(asked == which, ConditionParser.Parse($"checks == {asked}").Condition!.IsTrue(
                RunFacts.Of(Run with { Checks = checks }, Metrics)));
        }
    }

    [Fact]
    public void EachNameThatIsAskedFor_IsFoundOnce_WhereverItStands()
    {
        var condition = ConditionParser.Parse("a > 1 and a < b or not (c == 1 and b > 2)").Condition!;
        Assert.Equal(["a", "b", "c"], condition.Metrics);
        Assert.Equal("tags are none", ConditionParser.Parse("tags == a").Condition!.Found(RunFacts.Of(Run with { Tags = [] }, Metrics)));
    }

    [Fact]
    public void WhatWasFound_IsSaidForPeople() =>
        Assert.Equal("val/accuracy is 0.96, there is no params.x, tags are baseline v2",
            ConditionParser.Parse("val/accuracy > 0.99 or params.x == 1 or tags == a").Condition!.Found(RunFacts.Of(Run, Metrics)));
}
