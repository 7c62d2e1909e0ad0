using Microsoft.Extensions.Logging;
using Serverless.Core;

namespace Serverless.GpuWorker.Agent;

/// <summary>Says once what is wrong, again when it is something else, and once that it is over.</summary>
/// <param name="what">What does not succeed, as the beginning of a sentence.</param>
sealed class FailureReporter(string what, ILogger log)
{
    private readonly Lock gate = new();
    private string? said;

    /// <returns>Whether it was news.</returns>
    public bool Failed(Exception wrong)
    {
        var line = FaultText.Of(wrong);
        lock (gate)
        {
            if (said == line) return false;
            said = line;
        }

        log.Fails(what, line);
        return true;
    }

    public void Recovered()
    {
        lock (gate)
        {
            if (said is null) return;
            said = null;
        }

        log.Succeeds(what);
    }
}
