using System.Globalization;

namespace Serverless.Tests.Simulation;

/// <summary>
/// Random histories of runs under faults. A failing seed prints how to run it again: <c>SIMULATION_SEED=n</c> runs that seed and prints all that happened;
/// <c>SIMULATION_MINUTES=n</c> goes on for so long with seeds that nobody has tried.
/// </summary>
public sealed class RunSimulationTests
{
    private const int Seeds = 2000;

    [Fact]
    public void Runs_UnderEveryFault_KeepTheLaws_AndEnd()
    {
        if (Setting("SIMULATION_SEED") is { } only)
        {
            Check(only, SimWorld.Run(only, traced: true));
            return;
        }

        if (Setting("SIMULATION_MINUTES") is { } minutes)
        {
            var begun = TimeProvider.System.GetTimestamp();
            var seed = (int)(begun & 0x3FFFFFFF);
            var tried = 0;
            for (; TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromMinutes(minutes); tried++) Check(seed + tried, SimWorld.Run(seed + tried));
            TestContext.Current.TestOutputHelper!.WriteLine($"{tried} seeds from {seed}");
            return;
        }

        for (var seed = 0; seed < Seeds; seed++) Check(seed, SimWorld.Run(seed));
    }

    [Fact]
    public void Simulation_IsDeterministic()
    {
        for (var seed = 0; seed < 5; seed++) Assert.Equal(SimWorld.Run(seed, traced: true).Trace, SimWorld.Run(seed, traced: true).Trace);
    }

    private static void Check(int seed, (string? Broken, IReadOnlyList<string> Trace) outcome)
    {
        if (outcome.Trace.Count > 0) TestContext.Current.TestOutputHelper!.WriteLine(string.Join('\n', outcome.Trace));
        Assert.True(outcome.Broken is null, $"seed {seed}: {outcome.Broken}\nSIMULATION_SEED={seed} shows how it came to that");
    }

    private static int? Setting(string name) => Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
