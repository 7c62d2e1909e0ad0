using System.Text;

namespace Serverless.Core.Storage.Plain;

/// <summary>A file of a tree, or something else that is in it.</summary>
/// <param name="Path">From the root, with '/' between names.</param>
/// <param name="Problem">Why it is not a file to be read; null when it is one.</param>
internal readonly record struct FoundFile(string Path, FileState State, string? Problem);

/// <summary>
/// Everything in a folder that others write to. What is not a plain file is found with its problem, so that nothing is left out in silence.
/// </summary>
internal static class PlainTree
{
    /// <summary>Files and folders that are looked at. Those who make more are told to pack them.</summary>
    public const int MaxEntries = 100_000;

    /// <summary>No key is longer, and so no file further down could be kept.</summary>
    private const int MaxPathBytes = 900;

    /// <param name="below">Where to begin, from the root. Its own problem is found, too; that it is missing is none.</param>
    public static IEnumerable<FoundFile> Walk(string root, string below, int maxEntries = MaxEntries)
    {
        var open = new Stack<string>([below]);
        var entries = 0;
        while (open.TryPop(out var inside))
        {
            using var folder = Open(root, inside, out var problem);
            if (problem is not null) yield return new(inside, default, problem);
            if (folder is null) continue;
            foreach (var entry in folder.Entries())
            {
                var path = inside.Length == 0 ? entry.Name : $"{inside}/{entry.Name}";
                if (++entries > maxEntries)
                {
                    yield return new(
                        below, default, $"it has more than {maxEntries} files and folders, and those beyond are not kept; pack them into an archive");
                    yield break;
                }

                if (entry.Problem is not null || !entry.IsFolder) yield return new(path, entry.Look.State, entry.Problem);
                else if (Encoding.UTF8.GetByteCount(path) > MaxPathBytes) yield return new(
                    path, default, $"its path is longer than {MaxPathBytes} bytes");
                else open.Push(path);
            }
        }
    }

    private static PlainFolder? Open(string root, string inside, out string? problem)
    {
        problem = null;
        try
        {
            using var top = PlainFolder.Open(root);
            return top?.Folder(inside);
        }
        catch (IOException trouble)
        {
            problem = trouble.Message;
            return null;
        }
    }
}
