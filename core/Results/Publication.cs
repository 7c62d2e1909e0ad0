using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Results;

/// <summary>Copies what a succeeded run wrote below <c>data/</c> into the workspace's own <c>data/</c>.</summary>
public sealed class Publication(IObjectStore store)
{
    /// <summary>Name of the metadata in which a published file says which run it came from.</summary>
    public const string Source = "publishedfrom";

    /// <summary>The run that published this version of a file; null: somebody put it there.</summary>
    public static string? RunOf(StoredObject file) => file.Metadata.GetValueOrDefault(Source);

    /// <summary>
    /// Safe to do twice, also long after: a file that already came from this run is left as it is, so that a repeated event undoes nobody's later change;
    /// one that came from a run submitted later is not overwritten by an earlier one.
    /// </summary>
    /// <returns>How many files were copied.</returns>
    /// <exception cref="InvalidDataException">The run's manifest or a file that it names is missing.</exception>
    public async Task<int> Publish(string runId, CancellationToken cancel = default)
    {
        if (await new RunStore(store).Load(runId, cancel) is not { Run: { State: RunState.Succeeded, Outputs: { } outputs } }) return 0;
        var manifest = (await store.Get(outputs, cancel: cancel) ?? throw new InvalidDataException($"{outputs}, which run {runId} names, is missing")).Json<OutputManifest>();
        var copied = 0;
        foreach (var file in manifest.Data)
        {
            if (await Publish(runId, file, cancel)) copied++;
        }

        return copied;
    }

    private async Task<bool> Publish(string runId, OutputFile file, CancellationToken cancel)
    {
        var target = ObjectKey.Checked(WorkspacePaths.Data + file.Path);
        var source = new Dictionary<string, string>(StringComparer.Ordinal) { [Source] = runId };
        while (true)
        {
            var there = (await store.Head(target, cancel)).Value;

            // Ids made later sort earlier: what is there came from this run or from a later one.
            if (there is not null && there.Metadata.TryGetValue(Source, out var from) && string.CompareOrdinal(from, runId) <= 0) return false;
            await using var reading = await store.Open(file.Key, cancel: cancel) ?? throw new InvalidDataException($"{file.Key}, an output of run {runId}, is missing");
            if ((await store.Put(target, reading.Body, there is null ? PutCondition.IfAbsent : PutCondition.IfMatch(there.ETag), source, cancel)).Stored) return true;
        }
    }
}
