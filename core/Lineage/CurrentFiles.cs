using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Lineage;

/// <summary>
/// A file, or the files of a folder, as they are now. Whether a record speaks of a file as it is now
/// is told by its ETag, else by its content as far as that is known.
/// </summary>
internal sealed class CurrentFiles
{
    private readonly Dictionary<string, StoredObject> files;
    private readonly ContentHashes hashes;

    private CurrentFiles(IObjectStore store, Dictionary<string, StoredObject> files) => (this.files, hashes) = (files, new(store));

    public int Count => files.Count;

    /// <summary>Runs that published some of them.</summary>
    public IReadOnlyCollection<string> Publishers =>
        files.Values.Select(WorkspaceFiles.PublishedBy).OfType<string>().ToHashSet(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Folders => files.Keys.Select(LineageIndex.FolderOf).ToHashSet(StringComparer.Ordinal);

    /// <param name="path">A file; or a folder, with or without '/' at its end.</param>
    /// <returns>Null: there is nothing.</returns>
    public static async Task<CurrentFiles?> Read(IObjectStore store, string path, CancellationToken cancel)
    {
        var found = new Dictionary<string, StoredObject>(StringComparer.Ordinal);
        if (!path.EndsWith('/') && (await store.Head(path, cancel)).Value is { } file) found[path] = file;
        else await foreach (var below in store.List(path.TrimEnd('/') + "/", cancel: cancel)) found[below.Key] = below;
        return found.Count == 0 ? null : new(store, found);
    }

    public async Task<bool> AnyIsRead(RunRecord run, CancellationToken cancel)
    {
        foreach (var input in run.Spec.Inputs)
        {
            if (files.TryGetValue(input.Path, out var file)
                && (file.ETag == input.ETag || await hashes.Is(file, input.Sha256, input.LengthBytes, cancel)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether one of them set off the trigger that submitted the run.</summary>
    public bool HasTriggerFileOf(RunRecord run) =>
        run.Origin is { File: { } cause, FileETag: { } etag } && files.TryGetValue(cause, out var changed) && ETags.AreEqual(changed.ETag, etag);

    public async Task<bool> AnyIsIn(DatasetVersion version, string folder, CancellationToken cancel)
    {
        foreach (var of in version.Files)
        {
            if (files.TryGetValue(folder + of.Path, out var file) && await hashes.Is(file, of.Sha256, of.LengthBytes, cancel)) return true;
        }

        return false;
    }
}
