using System.Globalization;

namespace Serverless.Tests.Fuzz;

/// <summary>
/// How much is tried: a fixed number of inputs from a fixed seed, so that a test fails on every machine or on none; with FUZZ_SECONDS, other seeds
/// for so long. What is found names the seed; FUZZ_SEED tries it again.
/// </summary>
static class FuzzRun
{
    private const int UsualSeed = 1;

    public static async Task Of(int inputs, Func<Mutator, Task> tryOne)
    {
        var first = Number("FUZZ_SEED") ?? (Seconds is null ? UsualSeed : Environment.ProcessId);
        var began = TimeProvider.System.GetTimestamp();
        for (var seed = first; seed < first + inputs || TimeProvider.System.GetElapsedTime(began).TotalSeconds < Seconds; seed++)
        {
            try
            {
                await tryOne(new(seed));
            }
            catch (Exception e)
            {
                throw new Xunit.Sdk.XunitException($"FUZZ_SEED={seed}: {e.GetType().Name}: {e.Message}", e);
            }

            if (Number("FUZZ_SEED") is not null && Seconds is null) break;
        }
    }

    private static int? Seconds => Number("FUZZ_SECONDS");

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
