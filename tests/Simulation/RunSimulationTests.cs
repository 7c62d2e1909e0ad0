namespace Serverless.Tests.Simulation;

/// <summary>
/// Random histories of runs under faults. The bench tries as many seeds as there is time for, and shows all that happens under one.
/// </summary>
public sealed class RunSimulationTests
{
    private const int Seeds = 2000;

    [Fact]
    public void Runs_UnderEveryFault_KeepTheLaws_AndEnd()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var (broken, _) = SimWorld.Run(seed);
            Assert.True(broken is null,
                $"seed {seed}: {broken}\n`dotnet run -c Release --project bench -- simulate --seed {seed}` shows how it came to that");
        }
    }

    [Fact]
    public void Simulation_IsDeterministic()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var (_, trace) = SimWorld.Run(seed, traced: true);
            Assert.Contains(trace, line => line.Contains(" says: run ", StringComparison.Ordinal));
            Assert.Equal(trace, SimWorld.Run(seed, traced: true).Trace);
        }
    }
}
