using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Prepare;

/// <summary>The run cannot be started; the message tells its people why, in one line.</summary>
sealed class PreparationException(Cause cause, string message) : Exception(message)
{
    public Cause Cause { get; } = cause;
}
