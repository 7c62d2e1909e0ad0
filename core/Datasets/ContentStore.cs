using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>
/// Files under the hash of their content, <c>contents/{hash}</c>: each stored once, whichever datasets have it. What nothing needs any more is
/// removed without a lock: whoever is about to need a content sees to it that it was written within a day (<see cref="Hold"/>) and is done within
/// that day; the sweep takes only what was written <see cref="KeptUnused"/> ago, by the version that it saw before it looked for what is needed.
/// </summary>
public sealed class ContentStore(IObjectStore store)
{
    /// <summary>How long a publication may take.</summary>
    private static readonly TimeSpan Held = TimeSpan.FromDays(1);

    /// <summary>What no version has stays so long.</summary>
    public static readonly TimeSpan KeptUnused = TimeSpan.FromDays(2);

    /// <exception cref="ContentMismatchException">The body is something else; nothing was stored.</exception>
    public Task Put(string sha256, Stream body, CancellationToken cancel = default) =>
        store.PutSealed(WorkspacePaths.Content(sha256), sha256, body, cancel);

    /// <summary>Whether the content is there and whole; if so, it stays for as long as a publication may take.</summary>
    /// <param name="isNeeded">By a living version, so that it stays anyway.</param>
    public Task<bool> Hold(string sha256, bool isNeeded = false, CancellationToken cancel = default) =>
        store.EnsureSealed(WorkspacePaths.Content(sha256), sha256, isNeeded ? null : Held, cancel);

    /// <summary>Null: it is not there.</summary>
    public Task<ObjectReading?> Open(string sha256, ByteRange? range = null, CancellationToken cancel = default) =>
        store.Open(WorkspacePaths.Content(sha256), range, cancel);

    /// <summary>Removes what has been there for long and is not needed.</summary>
    /// <param name="needed">Asked after the contents were listed: hashes that must stay.</param>
    /// <returns>How many contents went.</returns>
    public async Task<int> Sweep(Func<Task<IReadOnlySet<string>>> needed, CancellationToken cancel = default)
    {
        var (_, now) = await store.Head(WorkspacePaths.Contents + "now", cancel);
        var old = new List<StoredObject>();
        await foreach (var content in store.List(WorkspacePaths.Contents, cancel: cancel))
        {
            if (now - content.Modified > KeptUnused) old.Add(content);
        }

        if (old.Count == 0) return 0;
        var (stay, removed) = (await needed(), 0);
        foreach (var content in old)
        {
            if (WorkspacePaths.ContentOf(content.Key) is not { } sha256 || stay.Contains(sha256)) continue;
            if (await store.Delete(content.Key, content.ETag, cancel) == DeleteOutcome.Deleted) removed++;
        }

        return removed;
    }
}
