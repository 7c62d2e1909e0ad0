using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Messaging;

/// <summary>
/// Tells waiting receivers, here and in other processes, that a queue changed: a file per queue, written after the commit and watched by whoever
/// waits. Only a hint. A bell that is not heard (no watches left, its sender killed) costs the receiver one poll.
/// </summary>
sealed class QueueSignal(string folder) : IDisposable
{
    // The folder in which the bus has its own: it is not made.
    private readonly string home = Path.GetDirectoryName(Path.GetDirectoryName(folder))!;

    private readonly ConcurrentDictionary<string, TaskCompletionSource> listeners = new();
    private readonly Dictionary<string, SafeFileHandle> ropes = [];
    private readonly Lock starting = new();
    private FileSystemWatcher? watcher;
    private bool watched;

    /// <summary>Completes at the next ring after this call. Listen first, look at the queue, then wait.</summary>
    public Task Listen(string queue)
    {
        Watch();
        return listeners.GetOrAdd(FileName(queue), _ => NewListener()).Task;
    }

    /// <summary>One thread rings.</summary>
    public void Ring(string queue)
    {
        var name = FileName(queue);
        RingHere(name);
        try
        {
            if (!ropes.TryGetValue(name, out var rope))
            {
                NestedFolder.Make(home, folder);
                OwnFile.Check(Path.Combine(folder, name));
                ropes[name] = rope = File.OpenHandle(
                    Path.Combine(folder, name), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            }

            RandomAccess.Write(rope, "!"u8, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk or the like; receivers poll.
        }
    }

    /// <summary>Begins anew: the folder may be another one by now. The thread that rings calls it.</summary>
    public void Rehang()
    {
        foreach (var rope in ropes.Values) rope.Dispose();
        ropes.Clear();
        lock (starting)
        {
            if (!watched) return;
            watcher?.Dispose();
            (watcher, watched) = (null, false);
        }

        foreach (var name in listeners.Keys) RingHere(name);
    }

    public void Dispose()
    {
        lock (starting)
        {
            watched = true;
            watcher?.Dispose();
        }

        foreach (var rope in ropes.Values) rope.Dispose();
        foreach (var name in listeners.Keys) RingHere(name);
    }

    private void RingHere(string name)
    {
        if (listeners.TryRemove(name, out var listener)) listener.TrySetResult();
    }

    private void Watch()
    {
        if (Volatile.Read(ref watched)) return;
        lock (starting)
        {
            if (watched) return;
            try
            {
                NestedFolder.Make(home, folder);
                watcher = new(folder) { NotifyFilter = NotifyFilters.LastWrite };
                watcher.Changed += (_, change) => RingHere(change.Name ?? "");
                watcher.Error += (_, _) =>
                {
                    foreach (var name in listeners.Keys) RingHere(name);
                };
                watcher.EnableRaisingEvents = true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                // No watches left on this machine, or the folder is gone again; receivers poll.
                watcher?.Dispose();
                watcher = null;
            }

            Volatile.Write(ref watched, true);
        }
    }

    private static string FileName(string queue) => queue.Replace('/', '_');

    private static TaskCompletionSource NewListener() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
