using Serverless.Core.Storage;

namespace Serverless.Core.Workspaces;

/// <summary>The team's own files: everything below <c>data/</c>, and nothing else of the workspace.</summary>
public sealed class WorkspaceFiles(IObjectStore store)
{
    /// <summary>Name of the metadata in which a published file says which run it came from.</summary>
    public const string PublishedByName = "publishedfrom";

    /// <summary>The run that published this version of a file; null: somebody put it there.</summary>
    public static string? PublishedBy(StoredObject file) => file.Metadata.GetValueOrDefault(PublishedByName);

    /// <summary>What is wrong with a file's path, or null.</summary>
    public static string? Problem(string path) =>
        path is WorkspacePaths.Data or "data"
            ? "that is all there is of files: name one of them, or a folder, such as data/digits"
            : ObjectKey.Problem(path)
                ?? (path.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal) ? null : "files lie below data/: the path must begin with data/");

    /// <param name="prefix">Begins with <c>data/</c>.</param>
    /// <param name="after">The last path of the page before.</param>
    public async Task<FileList> List(string prefix, int limit, string? after = null, CancellationToken cancel = default)
    {
        if (store.Obstacle(WorkspacePaths.Data) is { } obstacle) throw new KeyConflictException(WorkspacePaths.Data[..^1], $"'data': {obstacle}");
        var files = new List<WorkspaceFile>();
        await foreach (var stored in store.List(prefix, after, cancel))
        {
            if (files.Count == limit) return new(files, files[^1].Path);
            files.Add(new(stored.Key, stored.LengthBytes, stored.Modified, stored.ETag));
        }

        return new(files, null);
    }
}
