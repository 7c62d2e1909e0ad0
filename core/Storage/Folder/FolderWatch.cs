namespace Serverless.Core.Storage.Folder;

/// <summary>What was noticed since the last look.</summary>
/// <param name="Keys">Of files and folders that appeared or changed; some may be gone again.</param>
/// <param name="Missed">There was more than could be told apart: look at everything.</param>
internal readonly record struct FolderChanges(IReadOnlyCollection<string> Keys, bool Missed);

/// <summary>A file as it is now.</summary>
/// <param name="Version">Null: there is none.</param>
/// <param name="BeingWritten">Null: this system cannot tell.</param>
internal readonly record struct CurrentFile(FileVersion? Version, bool? BeingWritten);

/// <summary>
/// Notices what the platform and people do in a folder of a store, as the system tells it. Only a hint: the system drops news when there is much, and
/// tells nothing of network disks and of what happened while nobody watched.
/// </summary>
/// <param name="prefix">The folder's key with '/' at its end.</param>
internal sealed class FolderWatch(string root, string prefix) : IDisposable
{
    private const int Most = 4096;

    private readonly FolderLayout layout = new(root);
    private readonly Lock gate = new();
    private HashSet<string> keys = [];
    private bool missed;
    private TaskCompletionSource rung = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FileSystemWatcher? watcher;
    private DateTime identity;

    /// <summary>Completes when there is news.</summary>
    public Task Changes
    {
        get
        {
            lock (gate) return rung.Task;
        }
    }

    public FolderChanges Take()
    {
        lock (gate)
        {
            if (keys.Count == 0 && !missed) return new([], false);
            var news = new FolderChanges(keys, missed);
            (keys, missed, rung) = ([], false, new(TaskCreationOptions.RunContinuationsAsynchronously));
            return news;
        }
    }

    /// <summary>
    /// Watches the folder that is there now, which may be another one than before; made when the
    /// store is there without it. False when it cannot be watched.
    /// </summary>
    public bool Attach()
    {
        var folder = layout.PathOf(prefix[..^1]);
        try
        {
            if (!Directory.Exists(folder) && Directory.Exists(layout.Own)) NestedFolder.Make(Path.GetDirectoryName(layout.Own)!, folder);

            // When it was made tells a folder from another one of its name: the old one's watcher is deaf to the new one.
            var found = Directory.GetCreationTimeUtc(folder);
            if (watcher is not null && found == identity) return true;
            Detach();
            watcher = new(folder)
            {
                IncludeSubdirectories = true,
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Attributes,
                InternalBufferSize = 64 * 1024,
            };
            watcher.Created += (_, change) => Note(change.FullPath);
            watcher.Changed += (_, change) => Note(change.FullPath);
            watcher.Renamed += (_, change) => Note(change.FullPath);
            watcher.Error += (_, _) => Note(null);
            watcher.EnableRaisingEvents = true;
            identity = found;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // No such folder, or no watches left on this machine.
            Detach();
            return false;
        }
    }

    public CurrentFile Look(string key)
    {
        if (layout.Find(key) is not { } version) return default;
        using var lease = Posix.TryLease(layout.PathOf(key), out var written);

        // Under the lease, so that it is the version of a file that nobody writes.
        return new(lease is null ? version : FileVersion.Of(layout.PathOf(key)), written);
    }

    /// <summary>See <see cref="ContentSample"/>.</summary>
    public UInt128? Sample(string key) => ContentSample.Of(layout.PathOf(key));

    public bool IsFolder(string key) => layout.HasFoldersOf(key) && FolderLayout.KindOf(layout.PathOf(key)) == FolderLayout.Kind.Folder;

    public void Dispose() => Detach();

    private void Detach()
    {
        watcher?.Dispose();
        watcher = null;
    }

    private void Note(string? path)
    {
        TaskCompletionSource ringing;
        lock (gate)
        {
            if (path is null || keys.Count == Most) missed = true;
            else keys.Add(Path.GetRelativePath(layout.Root, path).Replace(Path.DirectorySeparatorChar, '/'));
            ringing = rung;
        }

        ringing.TrySetResult();
    }
}
