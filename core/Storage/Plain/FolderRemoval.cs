using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Deletion;
using Serverless.Core.Publishing;
using Serverless.Core.Spec;
using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Storage.Plain;

/// <summary>
/// Removes a tree that code had in its hands: whatever its names are, however deep it is, whatever was done to permissions. Links are removed, never followed, also those that come into being
/// meanwhile. Linux only.
/// </summary>
internal sealed class FolderRemoval(SafeFileHandle top)
{
    /// <summary>Each level holds a descriptor; what is deeper is moved up first.</summary>
    private const int MaxDepth = 32, MaxLooks = 4;

    private readonly Queue<byte[]> shallow = [];
    private int moved;

    /// <param name="folder">Trusted; it may be reached by links.</param>
    /// <param name="relative">Of a name in the folder, or of one further down.</param>
    /// <returns>False when something of it is left.</returns>
    public static bool Remove(string folder, string relative)
    {
        var name = relative[(relative.LastIndexOf('/') + 1)..];
        using var top = FileCalls.Open(null, FileCalls.Bytes(folder), isFolder: true, follow: true, out _);
        if (top is null) return true;
        if (name == relative) return new FolderRemoval(top).Remove(FileCalls.Bytes(name));
        SafeFileHandle above = top;
        List<SafeFileHandle> opened = [];
        try
        {
            foreach (var part in relative.Split('/')[..^1])
            {
                if (OpenFolder(above, part) is not { } next) return true;
                opened.Add(above = next);
            }

            return new FolderRemoval(above).Remove(FileCalls.Bytes(name));
        }
        finally
        {
            foreach (var handle in opened) handle.Dispose();
        }
    }

    private bool Remove(byte[] name)
    {
        var all = Remove(top, name, 0);
        while (shallow.TryDequeue(out var left)) all &= Remove(top, left, 0);
        return all;
    }

    private bool Remove(SafeFileHandle folder, byte[] name, int depth)
    {
        // More than once: a listing may miss what is written or removed meanwhile.
        for (var looks = 0; looks < MaxLooks; looks++)
        {
            var kind = FileCalls.Look(folder, name).Kind;
            if (kind == FileKind.Missing) return true;
            if (FileCalls.Remove(folder, name, kind == FileKind.Folder)) return true;
            if (kind != FileKind.Folder) return false;
            FileCalls.Allow(folder, name);
            using var inside = FileCalls.Open(folder, name, isFolder: true, follow: false, out _);
            if (inside is not null) Empty(inside, depth + 1);
        }

        return false;
    }

    private void Empty(SafeFileHandle folder, int depth)
    {
        var names = FileCalls.OpenNames(folder);
        try
        {
            while (FileCalls.NextName(names) is { } name)
            {
                if (depth < MaxDepth)
                {
                    Remove(folder, name, depth);
                    continue;
                }

                // A place for it at the top: then it is as shallow as that.
                if (FileCalls.Remove(folder, name, isFolder: false) || FileCalls.Remove(folder, name, isFolder: true)) continue;
                var place = FileCalls.Bytes(string.Create(CultureInfo.InvariantCulture, $".removed-{moved++}"));
                if (FileCalls.Move(folder, name, top, place)) shallow.Enqueue(place);
            }
        }
        finally
        {
            FileCalls.CloseNames(names);
        }
    }

    private static SafeFileHandle? OpenFolder(SafeFileHandle above, string name) => FileCalls.Open(above, FileCalls.Bytes(name), isFolder: true, follow: false, out _);
}
