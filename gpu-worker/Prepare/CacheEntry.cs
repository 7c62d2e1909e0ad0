using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Prepare;

/// <summary>A folder of a cache that stays for as long as somebody keeps this.</summary>
/// <param name="what">What the cache is of, for people.</param>
sealed class CacheEntry(string what, string folder, string seal, SealSummary facts, IDisposable hold) : IDisposable
{
    public string Folder => folder;

    /// <summary>Small enough for each run to have a copy.</summary>
    public bool IsSmall => facts.IsSmall;

    /// <summary>What is not as it was when the entry was taken; null: nothing.</summary>
    public string? Changed() =>
        Seal.Difference(folder, seal, contents: false) is { } difference ? $"the {what} in the worker's cache: {difference}" : null;

    /// <summary>To be called when everything was read: whoever writes to the cache meanwhile spoils what was made from it.</summary>
    /// <exception cref="PreparationException">It is not as it was when it was taken.</exception>
    public void Verify()
    {
        if (Changed() is { } changed) throw new PreparationException(Cause.WorkerLost, $"changed while the run was prepared: {changed}");
    }

    public void Dispose() => hold.Dispose();
}
