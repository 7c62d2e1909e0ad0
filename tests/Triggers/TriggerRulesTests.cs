using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Core.Triggers;

namespace Serverless.Tests.Triggers;

/// <summary>What a trigger may be and what it matches, without a workspace.</summary>
public sealed class TriggerRulesTests
{
    [Theory]
    [InlineData("/", "'/' is a folder; for everything in it write /**")]
    [InlineData("data/in/", "'data/in/' is a folder; for everything in it write data/in/**")]
    [InlineData("data/a\u0007b", "has a control character")]
    [InlineData("data/[ab", "'data/[ab': a [ is not closed")]
    [InlineData("data/ab]", "'data/ab]': a [ is not closed")]
    public void APatternThatIsNone_IsSaidToBe(string pattern, string problem) => Assert.Equal(problem, TriggerRules.GlobProblem(pattern));

    [Theory]
    [InlineData("data/**")]
    [InlineData("data/[a-c]?*.csv")]
    [InlineData("./out/*.json")]
    [InlineData("/data/x")]
    [InlineData("data/[!a]/**/x")]
    public void APatternThatCanMatch_HasNoProblem(string pattern) => Assert.Null(TriggerRules.GlobProblem(pattern));

    [Fact]
    public void APattern_IsFiveHundredCharactersAtMost()
    {
        var folders = string.Concat(Enumerable.Repeat("folder-of-25-characters-/", 20));
        Assert.Null(TriggerRules.GlobProblem(folders[..^1] + "x"));
        Assert.Equal("is longer than 500 characters", TriggerRules.GlobProblem(folders + "x"));
    }

    [Theory]
    [InlineData("p", "other", RunState.Succeeded, 1, "it is a run of p/other")]
    [InlineData("other", "e", RunState.Succeeded, 1, "it is a run of other/e")]
    [InlineData("p", "e", RunState.Failed, 1, "it ended failed")]
    [InlineData("p", "e", RunState.Running, 1, "it is running")]
    [InlineData("p", "e", RunState.Succeeded, 0.5, "acc > 0.9 is false: acc is 0.5")]
    [InlineData("p", "e", RunState.Succeeded, double.NaN, "acc > 0.9 is false: acc is NaN")]
    [InlineData("p", "e", RunState.Succeeded, 0.95, null)]
    public void ARunThatATriggerDoesNotWaitFor_IsSaidToBeNone(string project, string experiment, RunState state, double accuracy, string? why)
    {
        var when = new RunWhen("p", "e", Where: "acc > 0.9");
        var run = Run(project, experiment, state);
        var metrics = new Dictionary<string, double> { ["acc"] = accuracy };
        Assert.Equal(why, TriggerRules.Mismatch(when, ConditionParser.Parse("acc > 0.9").Condition, run, metrics));
    }

    [Fact]
    public void BestOf_NeedsAValue()
    {
        var when = new RunWhen("p", "e", Best: new("acc", Goal.Maximize));
        var run = Run("p", "e", RunState.Succeeded);
        Assert.Equal("it has no acc", TriggerRules.Mismatch(when, null, run, new Dictionary<string, double>()));
        Assert.Equal("it has no acc", TriggerRules.Mismatch(when, null, run, new Dictionary<string, double> { ["acc"] = double.NaN }));
        Assert.Null(TriggerRules.Mismatch(when, null, run, new Dictionary<string, double> { ["acc"] = -1 }));
    }

    [Theory]
    [InlineData("b@1=0.8", Goal.Maximize, "a@0=0.7", null)]
    [InlineData("b@1=0.8", Goal.Maximize, "a@0=0.9", "a")]
    [InlineData("b@1=0.8", Goal.Maximize, "a@0=0.8", "a")]
    [InlineData("b@1=0.8", Goal.Minimize, "a@0=0.7", "a")]
    [InlineData("b@1=0.8", Goal.Minimize, "a@0=0.9", null)]
    [InlineData("b@1=0.8", Goal.Maximize, "a@0=0.85 c@0=0.9 d@0=0.86", "c")]
    [InlineData("b@1=0.8", Goal.Minimize, "a@0=0.7 c@0=0.6 d@0=0.65", "c")]
    [InlineData("b@1=0.8", Goal.Maximize, "a@2=0.9", null)]
    [InlineData("b@1=0.8", Goal.Maximize, "a@1=0.9", "a")]
    [InlineData("b@1=0.8", Goal.Maximize, "c@1=0.9", null)]
    [InlineData("b@1=0.8", Goal.Maximize, "b@0=0.9", null)]
    [InlineData("b@1=0.8", Goal.Maximize, "a@0=NaN", null)]
    [InlineData("b@1=0.8", Goal.Maximize, "a@0=", null)]
    public void Better_IsDecidedByWhatEndedBefore(string run, Goal goal, string others, string? better) =>
        Assert.Equal(better, TriggerRules.Better(Contender(run), others.Split(' ').Select(Contender), goal)?.Id);

    [Theory]
    [InlineData("", 8, null)]
    [InlineData("b c", 8, null)]
    [InlineData("a", 8, "a loop: a → a")]
    [InlineData("x a b", 8, "a loop: a → b → a")]
    [InlineData("b c", 3, null)]
    [InlineData("b c", 2, "2 triggers led here (b → c); limits.depth of a is 2")]
    public void ALoop_AndTooLongAChain_AreStopped(string before, int depth, string? why) => Assert.Equal(
        why, TriggerRules.Guarded("a", before.Split(' ', StringSplitOptions.RemoveEmptyEntries), new(Depth: depth)));

    [Fact]
    public void WhatCannotBeToldOfATemplate_IsNoProblem_WhateverElseIs()
    {
        var problems = new Core.Spec.ProblemList();
        TriggerRules.CheckUnfilled(
            TemplateJson.Parse(System.Text.Json.JsonElement.Parse("""{"project": "p", "name": "${x}", "command": "c", "sed": 1}""")), problems);
        Assert.Equal(["then.sed"], problems.Select(problem => problem.Path));
    }

    private static TriggerRules.Contender Contender(string text)
    {
        var (id, at) = (text.Split('@')[0], text.Split('@')[1].Split('='));
        return new(id, DateTimeOffset.UnixEpoch.AddHours(int.Parse(at[0])), at[1].Length == 0 ? null : double.Parse(at[1]));
    }

    private static RunRecord Run(string project, string experiment, RunState state) => new()
    {
        Id = "7ABCDEF0123456789ABCDEFGHJ", Project = project, Experiment = experiment, Version = 1, Key = "", Created = default, State = state,
        Spec = new() { Code = new("", ""), Command = "", Machine = "" },
    };
}
