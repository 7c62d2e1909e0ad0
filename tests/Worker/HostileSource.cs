namespace Serverless.Tests.Worker;

/// <summary>Source that no compiler can cope with.</summary>
static class HostileSource
{
    /// <summary>Every lambda fits every overload as long as those inside it do: 4 to the power of 14 ways to look at the innermost one.</summary>
    public static string Endless { get; } = $$"""
        {{string.Concat(Enumerable.Range(0, 14).Select(i => $"M(x{i} => "))}}x0.Length{{new string(')', 14)}};
        static partial class Program
        {
            static int M(Func<int, int> f) => 0;
            static int M(Func<string, int> f) => 0;
            static int M(Func<double, int> f) => 0;
            static int M(Func<DateTime, int> f) => 0;
        }
        """;
}
