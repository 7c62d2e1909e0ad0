using System.Reflection;
using System.Text.RegularExpressions;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// The page of guarantees promises nothing that no test could disprove: each test that it names is there, runs, looks at the product, and asserts.
/// </summary>
public sealed partial class GuaranteesTests
{
    private static readonly Assembly Tests = typeof(GuaranteesTests).Assembly;

    private static readonly IReadOnlyList<string> Rows =
        [.. File.ReadLines(Repository.PathOf("docs", "guarantees.md"))
            .Where(line => line.StartsWith('|') && !line.StartsWith("| ---", StringComparison.Ordinal)
                && line is not ("| guarantee | proved by |" or "| limit | what shows it |"))];

    [Fact]
    public void EveryGuarantee_IsProvedByTestsThatCanFail()
    {
        Assert.True(Rows.Count > 15, $"{Rows.Count} guarantees");
        Assert.Empty(Rows.Where(row => !Named().IsMatch(Cell(row))).Select(row => $"nothing proves: {row}"));
        var problems = Rows.SelectMany(row => Named().Matches(Cell(row)))
            .SelectMany(named => Problems(named.Groups["test"].Value, isConditional: named.Groups["needs"].Success)).Distinct().ToList();
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    /// <summary>What else stands in the column could be taken for a proof, and would not be looked at.</summary>
    [Fact]
    public void WhatProves_IsNamedInOneForm() => Assert.All(Rows, row => Assert.Equal("", Named().Replace(Cell(row), "").Trim()));

    public static TheoryData<string, FactAttribute, string?> Samplings => new()
    {
        { nameof(Samples.Asserts), new(), null },
        { nameof(Samples.AssertsLater), new(), null },
        { nameof(Samples.AssertsInAHelper), new(), null },
        { nameof(Samples.OnlyRuns), new(), "asserts nothing" },
        { nameof(Samples.OfNothing), new(), "uses nothing of the product" },
        { nameof(Samples.BodySkips), new(), "may be skipped" },
        { nameof(Samples.HelperSkips), new(), "may be skipped" },
        { nameof(Samples.Asserts), new() { Skip = "not now" }, "is skipped" },
        { nameof(Samples.Asserts), new() { Explicit = true }, "runs on request only" },
        { nameof(Samples.Asserts), new() { Skip = "not here", SkipUnless = "IsHere" }, "may be skipped" },
    };

    [Theory]
    [MemberData(nameof(Samplings))]
    public void ATestThatProvesNothing_IsFound(string test, FactAttribute fact, string? problem)
    {
        var found = Problems(test, typeof(Samples).GetMethod(test)!, fact, isConditional: false).ToList();
        if (problem is null) Assert.Empty(found);
        else Assert.Contains(problem, Assert.Single(found), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Problems(string name, bool isConditional)
    {
        var (type, method) = name.Split('.') is [var left, var right] ? (left, right) : (name, "");
        var types = Tests.GetTypes().Where(
            one => one.Name == type && one is { IsAbstract: false, IsPublic: true } && one.GetMethods().Any(test => test.Name == method)).ToList();
        if (types is not [var only]) return [$"{name}: {types.Count} tests have this name"];
        var subject = only.Namespace!["Serverless.Tests".Length..].Split('.', StringSplitOptions.RemoveEmptyEntries);
        if (!Directory.EnumerateFiles(Repository.PathOf(["tests", .. subject]), $"{type}*.cs").Any())
        {
            return [$"{name} is not in a file {type}.cs of its subject, tests/{string.Join('/', subject)}"];
        }

        var tests = only.GetMethods().Where(one => one.Name == method).Select(one => (Method: one, Fact: one.GetCustomAttribute<FactAttribute>()))
            .Where(one => one.Fact is not null).ToList();
        return tests is [var test] ? Problems(name, test.Method, test.Fact!, isConditional) : [$"{name} is no test"];
    }

    private static IEnumerable<string> Problems(string name, MethodInfo test, FactAttribute fact, bool isConditional)
    {
        var body = TestBody.Of(test);
        var maySkip = fact.SkipUnless is not null || fact.SkipWhen is not null || body.MaySkip;
        if (fact.Skip is not null && !maySkip) yield return $"{name} is skipped";
        else if (fact.Explicit) yield return $"{name} runs on request only";
        else if (maySkip && !isConditional) yield return $"{name} may be skipped: say behind it what it needs, (needs …)";
        else if (!maySkip && isConditional) yield return $"{name} always runs: take away (needs …)";
        if (!body.Asserts) yield return $"{name} asserts nothing";
        if (!body.UsesTheProduct) yield return $"{name} uses nothing of the product";
    }

    private static string Cell(string row) => row.Split('|')[^2];

    [GeneratedRegex(@"`(?<test>[^`]+)`(?<needs> \(needs [^)]+\))?")]
    private static partial Regex Named();

    /// <summary>What tests do, or fail to do. They are none themselves.</summary>
    private static class Samples
    {
        public static void Asserts() => Assert.NotNull(Core.PlainText.Of(""));

        public static async Task AssertsLater()
        {
            await Task.Yield();
            Assert.All([1], _ => Assert.NotNull(Core.PlainText.Of("")));
        }

        public static void AssertsInAHelper() => Helper(() => Core.PlainText.Of(""));

        public static void OnlyRuns() => Core.PlainText.Of("");

        public static void OfNothing() => Assert.Equal(2, Environment.ProcessorCount);

        public static async Task BodySkips()
        {
            await Task.Yield();
            Assert.SkipWhen(OperatingSystem.IsWindows(), "not here");
            Helper(() => Core.PlainText.Of(""));
        }

        public static Task HelperSkips() => BodySkips();

        private static void Helper(Func<string> act) => Assert.Empty(act());
    }
}
