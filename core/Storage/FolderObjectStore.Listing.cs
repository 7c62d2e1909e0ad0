using System.IO.Enumeration;
using System.Runtime.CompilerServices;
using System.Text;
using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Storage;

public sealed partial class FolderObjectStore
{
    private const int LooksOfATurn = 64;

    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    public async IAsyncEnumerable<StoredObject> List(string prefix, string? after = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var name in Names(prefix, after, objectsOnly: true, cancel)) yield return name.Object!;
    }

    public IAsyncEnumerable<StoredName> ListNames(string prefix, string? after = null, CancellationToken cancel = default) =>
        Names(prefix, after, objectsOnly: false, cancel);

    public async IAsyncEnumerable<StoredVersion> ListVersions(string prefix, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var key in KeysOf(prefix, after: null, objectsOnly: true, cancel))
        {
            if (faults.Guard(() => Current(key)) is { } version) yield return new(key, version.ETag);
        }
    }

    public string? Obstacle(string key) => faults.Guard(() => layout.Obstacle(key));

    private async IAsyncEnumerable<StoredName> Names(
        string prefix, string? after, bool objectsOnly, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var key in KeysOf(prefix, after, objectsOnly, cancel))
        {
            if (faults.Guard(() => Look(key, open: false).Object) is { } found) yield return new(key, found);
            else if (!objectsOnly && Obstacle(key) is { } obstacle) yield return new(key, null, obstacle);
        }
    }

    private async IAsyncEnumerable<string> KeysOf(string prefix, string? after, bool objectsOnly, [EnumeratorCancellation] CancellationToken cancel)
    {
        var above = prefix[..(prefix.LastIndexOf('/') + 1)];
        if (above.Length > 0 && ObjectKey.Problem(above[..^1]) is not null) yield break;
        using var keys = Keys(above, prefix, after, objectsOnly).GetEnumerator();
        for (var looks = 1; faults.Guard(keys.MoveNext); looks++)
        {
            // Nothing here is waited for: a long list would keep its thread from others.
            if (looks % LooksOfATurn == 0) await Task.Yield();
            cancel.ThrowIfCancellationRequested();
            yield return keys.Current;
        }

        faults.Guard(ThrowIfGone);
    }

    // In ordinal order of whole keys: a folder sorts as its name with '/', so that "a-b" and "a.b" come before and "a0" after what is in "a". Names
    // only: what is listed and not asked for costs no look at the file.
    private IEnumerable<string> Keys(string above, string prefix, string? after, bool objectsOnly)
    {
        if (!layout.HasFoldersOf(above)) yield break;
        var names = NamesIn(layout.PathOf(above), above, prefix, after);

        // As a heap: who wants the first hundred of ten thousand does not wait until all are sorted.
        var sorted = new PriorityQueue<string, string>(names.Select(name => (name, name)), StringComparer.Ordinal);
        while (sorted.TryDequeue(out var name, out _))
        {
            var key = above + name;
            if (!name.EndsWith('/'))
            {
                if (ObjectKey.Problem(key) is null) yield return key;
            }
            else if (key != ObjectKey.Reserved + "/")
            {
                if (!objectsOnly && ObjectKey.Problem(key[..^1]) is null && key.Length > prefix.Length) yield return key[..^1];
                foreach (var below in Keys(key, prefix, after, objectsOnly)) yield return below;
            }
        }
    }

    private static List<string> NamesIn(string folder, string above, string prefix, string? after)
    {
        var names = new FileSystemEnumerable<string>(
            folder,
            (ref FileSystemEntry entry) => entry.IsDirectory ? $"{entry.FileName}/" : entry.FileName.ToString(),
            Everything)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => MayHold(above, entry.FileName, entry.IsDirectory, prefix, after),
        };
        try
        {
            return [.. names];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    // Whether the file, or anything in the folder, begins with the prefix and comes after the key.
    private static bool MayHold(ReadOnlySpan<char> above, ReadOnlySpan<char> name, bool isFolder, ReadOnlySpan<char> prefix, ReadOnlySpan<char> after)
    {
        Span<char> room = stackalloc char[1024];
        if (above.Length + name.Length + 1 > room.Length) return false;
        above.CopyTo(room);
        name.CopyTo(room[above.Length..]);
        room[above.Length + name.Length] = '/';
        ReadOnlySpan<char> key = room[..(above.Length + name.Length + (isFolder ? 1 : 0))];
        if (!key.StartsWith(prefix) && !(isFolder && prefix.StartsWith(key))) return false;
        return after.IsEmpty || key.SequenceCompareTo(after) > 0 || (isFolder && after.StartsWith(key));
    }

    private void Sweep()
    {
        try
        {
            temporary.RemoveLeftovers();
            if (OwnFile.TryRead(layout.Swept) is not null
                && (clock.Now.UtcDateTime - File.GetLastWriteTimeUtc(layout.Swept)).Duration() < TimeSpan.FromDays(1)) return;
            SweepMetadata();
        }
        catch (Exception e) when (e is StoreUnavailableException || faults.Of(e) is not null)
        {
            // Leftovers only take room; the next sweep finds them.
        }
    }

    /// <summary>
    /// Metadata that no version leads to is joined to its object again or removed. Before anything else in a folder that is a copy: one made by
    /// <c>cp -r</c> or an archive has other times, and so other versions, than its metadata speaks of.
    /// </summary>
    private void SweepMetadata()
    {
        foreach (var (key, path) in sidecars.Suspects())
        {
            using var stripe = stripes.Take(key, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            if (sidecars.IsOrphan(key, path) && !sidecars.TryRejoin(key, path)) File.Delete(path);
        }

        OwnFile.Replace(layout.Swept, Encoding.UTF8.GetBytes(Identity));
        File.SetLastWriteTimeUtc(layout.Swept, clock.Now.UtcDateTime);
    }

    private bool IsCopy => OwnFile.TryRead(layout.Swept) is not { } swept || Encoding.UTF8.GetString(swept) != Identity;

    private string Identity => $"{FileIdentity.Of(layout.Metadata)}";
}
