using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace Serverless.Core.Storage.Plain;

/// <summary>
/// Removes a tree that code had in its hands: whatever its names are, however deep it is, whatever was done to permissions. Links are removed, never
/// followed, also those that come into being meanwhile. What is mounted in it is somebody else's: neither it
/// nor anything in it is touched, and the folders above it stay. Linux only.
/// </summary>
internal sealed class FolderRemoval
{
    /// <summary>Each level holds descriptors; what is deeper is moved up first.</summary>
    private const int MaxDepth = 32;
    private const int MaxLooks = 4, MaxMounts = 100, MaxLevels = 256;

    private readonly SafeFileHandle top;
    private readonly FileStat tree;
    private readonly List<string> mounts;
    private readonly Queue<byte[]> shallow = [];
    private int moved;

    private FolderRemoval(SafeFileHandle top, FileStat tree, List<string> mounts) => (this.top, this.tree, this.mounts) = (top, tree, mounts);

    /// <param name="folder">Trusted; it may be reached by links.</param>
    /// <param name="relative">Of a name in the folder, or of one further down.</param>
    /// <param name="tree">What the folder was when it was trusted: where something has been mounted on it or above it since, nothing is removed.
    /// Null: what it is now.</param>
    /// <returns>Where something is mounted, the first hundred of it.</returns>
    public static IReadOnlyList<string> Remove(string folder, string relative, FileStat? tree = null)
    {
        List<string> mounts = [];
        using var trusted = FileCalls.Open(null, FileCalls.Bytes(folder), isFolder: true, follow: true, out _);
        if (trusted is null) return mounts;
        var now = FileCalls.Look(trusted);
        var own = tree ?? now;
        if (IsMounted(trusted, now, own, mounts)) return mounts;
        var parts = relative.Split('/');
        List<SafeFileHandle> opened = [trusted];
        try
        {
            foreach (var part in parts[..^1])
            {
                if (FileCalls.Open(opened[^1], FileCalls.Bytes(part), isFolder: true, follow: false, out _) is not { } next) return mounts;
                opened.Add(next);
                if (IsMounted(next, FileCalls.Look(next), own, mounts)) return mounts;
            }

            new FolderRemoval(opened[^1], own, mounts).Remove(FileCalls.Bytes(parts[^1]));
            return mounts;
        }
        finally
        {
            foreach (var handle in opened) handle.Dispose();
        }
    }

    /// <summary>Removes of a folder what is chosen, with all that is in it. The folder may be everybody's.</summary>
    /// <param name="isChosen">Asked for each name in it.</param>
    public static void RemoveFrom(string folder, Func<FileStat, bool> isChosen)
    {
        using var everybodys = FileCalls.Open(null, FileCalls.Bytes(folder), isFolder: true, follow: true, out _);
        if (everybodys is null) return;
        var tree = FileCalls.Look(everybodys);
        var names = FileCalls.OpenNames(everybodys);
        try
        {
            while (FileCalls.NextName(names) is { } name)
            {
                if (!isChosen(FileCalls.Look(everybodys, name))) continue;
                using var held = FileCalls.Hold(everybodys, name);
                if (held is null || FileCalls.Look(held) is var look && (!isChosen(look) || !look.IsMountedLike(tree))) continue;
                if (look.Kind == FileKind.Folder) Empty(held, look);
                FileCalls.Remove(everybodys, name, look.Kind == FileKind.Folder);
            }
        }
        finally
        {
            FileCalls.CloseNames(names);
        }
    }

    /// <summary>
    /// Removes everything below a folder whose name is not UTF-8: .NET finds it under another name than it has, and fails at it. Nobody writes there
    /// any more.
    /// </summary>
    /// <returns>What the paths look like.</returns>
    public static IReadOnlyList<string> RemoveUnreadable(string folder)
    {
        List<string> removed = [];
        using var top = FileCalls.Open(null, FileCalls.Bytes(folder), isFolder: true, follow: false, out _);
        if (top is not null) RemoveUnreadable(top, FileCalls.Look(top), "", removed, 0);
        return removed;
    }

    private static void RemoveUnreadable(SafeFileHandle folder, FileStat tree, string path, List<string> removed, int depth)
    {
        List<byte[]> all = [];
        var names = FileCalls.OpenNames(folder);
        try
        {
            while (FileCalls.NextName(names) is { } name) all.Add(name);
        }
        finally
        {
            FileCalls.CloseNames(names);
        }

        foreach (var name in all)
        {
            var here = path + Encoding.UTF8.GetString(name.AsSpan()[..^1]);
            if (!Utf8.IsValid(name.AsSpan()[..^1]))
            {
                new FolderRemoval(folder, tree, []).Remove(name);
                removed.Add(here);
            }
            else if (depth < MaxLevels && FileCalls.Look(folder, name) is { Kind: FileKind.Folder } look && look.IsMountedLike(tree))
            {
                using var inside = FileCalls.Open(folder, name, isFolder: true, follow: false, out _);
                if (inside is not null) RemoveUnreadable(inside, tree, here + "/", removed, depth + 1);
            }
        }
    }

    // By itself: nothing of it may be moved to where everybody's names are.
    private static void Empty(SafeFileHandle held, FileStat look)
    {
        FileCalls.Allow(held);
        using var inside = FileCalls.Open(held, FileCalls.Bytes("."), isFolder: true, follow: false, out _);
        if (inside is null) return;
        var removal = new FolderRemoval(inside, look, []);
        removal.Empty(inside, 0);
        removal.RemoveShallow();
    }

    private void Remove(byte[] name)
    {
        Remove(top, name, 0);
        RemoveShallow();
    }

    private void RemoveShallow()
    {
        while (shallow.TryDequeue(out var left)) Remove(top, left, 0);
    }

    /// <returns>False when it stays, and another look would find the same.</returns>
    private bool Remove(SafeFileHandle folder, byte[] name, int depth)
    {
        // More than once: a listing may miss what is written or removed meanwhile.
        for (var looks = 0; looks < MaxLooks; looks++)
        {
            var kind = FileCalls.Look(folder, name).Kind;
            if (kind == FileKind.Missing || FileCalls.Remove(folder, name, kind == FileKind.Folder)) return true;

            // Held first, then looked at: what is mounted on the name from now on is not what is held, and "." in a folder is never another one.
            using var held = FileCalls.Hold(folder, name);
            if (held is null) continue;
            var look = FileCalls.Look(held);
            if (IsMounted(held, look, tree, mounts)) return false;
            if (look.Kind != kind) continue;
            if (kind != FileKind.Folder) return false;
            FileCalls.Allow(held);
            using var inside = FileCalls.Open(held, FileCalls.Bytes("."), isFolder: true, follow: false, out _);
            if (inside is not null && !Empty(inside, depth + 1)) return false;
        }

        return false;
    }

    private bool Empty(SafeFileHandle folder, int depth)
    {
        var all = true;
        var names = FileCalls.OpenNames(folder);
        try
        {
            while (FileCalls.NextName(names) is { } name) all &= depth < MaxDepth ? Remove(folder, name, depth) : MoveUp(folder, name);
            return all;
        }
        finally
        {
            FileCalls.CloseNames(names);
        }
    }

    // A place for it at the top: then it is as shallow as that.
    private bool MoveUp(SafeFileHandle folder, byte[] name)
    {
        if (FileCalls.Remove(folder, name, isFolder: false) || FileCalls.Remove(folder, name, isFolder: true)) return true;
        var place = FileCalls.Bytes(string.Create(CultureInfo.InvariantCulture, $".removed-{moved++}"));
        if (FileCalls.Move(folder, name, top, place))
        {
            shallow.Enqueue(place);
            return true;
        }

        using var held = FileCalls.Hold(folder, name);
        if (held is not null) IsMounted(held, FileCalls.Look(held), tree, mounts);
        return false;
    }

    private static bool IsMounted(SafeFileHandle held, FileStat look, FileStat tree, List<string> mounts)
    {
        if (look.IsMountedLike(tree)) return false;
        if (mounts.Count < MaxMounts) mounts.Add(FileCalls.PathOf(held) ?? "");
        return true;
    }
}
