using System.Reflection;
using System.Text.RegularExpressions;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

public sealed partial class GuaranteesTests
{
    [Fact]
    public void EveryGuarantee_NamesTestsThatExist()
    {
        var rows = File.ReadLines(Repository.PathOf("docs", "guarantees.md")).Where(line => line.StartsWith('|') && !line.StartsWith("| ---", StringComparison.Ordinal) && line is not ("| guarantee | proved by |" or "| limit | what shows it |")).ToList();
        var tests = typeof(GuaranteesTests).Assembly.GetTypes().Where(type => !type.IsAbstract)
            .SelectMany(type => type.GetMethods().Where(method => method.GetCustomAttributes<FactAttribute>().Any()).Select(method => $"{type.Name}.{method.Name}")).ToHashSet(StringComparer.Ordinal);

        Assert.True(rows.Count > 15, $"{rows.Count} guarantees");
        foreach (var row in rows)
        {
            var named = Named().Matches(row.Split('|')[2]).Select(match => match.Groups[1].Value).ToList();
            Assert.True(named.Count > 0, $"nothing proves: {row}");
            Assert.All(named, name => Assert.Contains(name, tests));
        }
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Named();
}
