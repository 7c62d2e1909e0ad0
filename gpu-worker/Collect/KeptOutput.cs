using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Collect;

/// <summary>A file of <c>artifacts/</c> or <c>data/</c> that is stored, and belongs to the run whichever of its attempts is the last.</summary>
/// <param name="Path">As the code wrote it below its output folder.</param>
/// <param name="ETag">Of what is stored: the attempt that stored it may have written it over since.</param>
sealed record KeptOutput(string Path, OutputFile File, string ETag)
{
    /// <summary>What the list of them is called beside a checkpoint's files.</summary>
    public const string List = "outputs.json";
}
