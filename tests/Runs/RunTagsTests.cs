using Serverless.Core.Runs;

namespace Serverless.Tests.Runs;

public sealed class RunTagsTests
{
    private static readonly string Longest = new('x', RunTags.Longest);

    public static TheoryData<string[], string?> Lists => new()
    {
        { [], null },
        { ["baseline", "größe", "a/b:c-1", Longest, "Baseline"], null },
        { Numbered(RunTags.Most), null },
        { Numbered(RunTags.Most + 1), "33 tags; at most 32 are allowed" },
        { [""], "a tag has 1 to 64 characters" },
        { [null!], "a tag has 1 to 64 characters" },
        { ["fine", Longest + "x"], "a tag has 1 to 64 characters" },
        { ["fine", "two words"], "the tag 'two words' has a space, a comma or a control character" },
        { ["a\u00A0b"], "the tag 'a\u00A0b' has a space, a comma or a control character" },
        { ["a,b"], "the tag 'a,b' has a space, a comma or a control character" },
        { ["a\u0001b"], "the tag 'a\u0001b' has a space, a comma or a control character" },
        { ["same", "other", "same"], "a tag is there twice" },
    };

    [Theory]
    [MemberData(nameof(Lists))]
    public void Tags_AreTakenOrRefusedWithTheReason(string[] tags, string? problem) => Assert.Equal(problem, RunTags.Problem(tags));

    private static string[] Numbered(int count) => [.. Enumerable.Range(0, count).Select(i => $"t{i}")];
}
