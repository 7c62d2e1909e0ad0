using System.Security.Cryptography;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Uploads files of <c>artifacts/</c> and <c>data/</c> once nothing has changed in them for a while, so that little is left to do at the end; what
/// changes afterwards is uploaded again. Only the manifest, written last, makes them count.
/// </summary>
sealed class OutputCollector(IObjectStore store, RunRecord run, WorkFolder folder, LogCollector log, Persistence persistence)
{
    private readonly record struct State(long LengthBytes, DateTime Changed);

    private readonly Dictionary<string, State> seen = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (State State, OutputFile File)> uploaded = new(StringComparer.Ordinal);
    private readonly HashSet<string> refused = new(StringComparer.Ordinal);

    /// <summary>Uploads what was the same at the last call.</summary>
    public async Task UploadSettled(CancellationToken cancel)
    {
        foreach (var (path, file) in Files().ToList())
        {
            var state = new State(file.Length, file.LastWriteTimeUtc);
            if (seen.TryGetValue(path, out var before) && before == state) await Upload(path, file.FullName, state, cancel);
            else seen[path] = state;
        }
    }

    /// <summary>Uploads the rest and writes the manifest; null when the code left no files.</summary>
    /// <param name="publish">Whether files of <c>data/</c> are part of it: only a run that completed has results for others.</param>
    /// <returns>The manifest's key.</returns>
    public async Task<string?> Finish(bool publish, CancellationToken cancel)
    {
        var last = new Dictionary<string, OutputFile>(StringComparer.Ordinal);
        foreach (var (path, file) in Files().Where(file => publish || !file.Path.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal)).ToList())
        {
            await Upload(path, file.FullName, new(file.Length, file.LastWriteTimeUtc), cancel);
            if (uploaded.TryGetValue(path, out var done)) last[path] = done.File;
        }

        if (last.Count == 0) return null;
        var key = WorkspacePaths.OutputManifest(run.Id, run.Epoch);
        var manifest = new OutputManifest(Of("artifacts/"), Of(WorkspacePaths.Data));
        await persistence.Insist(() => store.PutJson(key, manifest, cancel: cancel), cancel);
        return key;

        List<OutputFile> Of(string prefix) => [.. last.Where(file => file.Key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(file => file.Value).OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    private IEnumerable<(string Path, FileInfo File)> Files() =>
        Below(folder.Artifacts, "artifacts/").Concat(Below(folder.Data, WorkspacePaths.Data));

    // The code may delete, replace and link what it likes, also while this looks.
    private IEnumerable<(string Path, FileInfo File)> Below(string root, string prefix)
    {
        var open = new Stack<string>([root]);
        while (open.TryPop(out var inside))
        {
            FileSystemInfo[] entries;
            try
            {
                entries = new DirectoryInfo(inside).GetFileSystemInfos();
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            foreach (var entry in entries)
            {
                var path = prefix + Path.GetRelativePath(root, entry.FullName);
                if (entry.LinkTarget is not null) Refuse(path, "it is a link; copy what it points to");
                else if (entry is FileInfo file && file.Exists) yield return (path, file);
                else if (entry is DirectoryInfo) open.Push(entry.FullName);
            }
        }
    }

    private async Task Upload(string path, string file, State state, CancellationToken cancel)
    {
        if (uploaded.TryGetValue(path, out var done) && done.State == state) return;
        var split = path.IndexOf('/', StringComparison.Ordinal) + 1;
        var relative = path[split..];
        var key = path.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal)
            ? WorkspacePaths.PublishedFile(run.Id, run.Epoch, relative)
            : WorkspacePaths.Artifact(run.Id, run.Epoch, relative);
        if (ObjectKey.Problem(key) is { } problem)
        {
            Refuse(path, problem);
            return;
        }

        var uploadedFile = await persistence.Insist<OutputFile?>(async () =>
        {
            await using var opened = Native.OpenWithoutFollowing(file, folder.Output);
            if (opened is null) return null;

            // A device has no length and may have no end.
            Stream body = state.LengthBytes > 0 ? opened : Stream.Null;
            var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(body, cancel));
            opened.Position = 0;
            var put = await store.Put(key, body, cancel: cancel);
            return new(relative, key, put.Object!.LengthBytes, hash);
        }, cancel);
        var now = new FileInfo(file);

        // It changed under the reading: the hash may not be that of what was stored. Another look will come.
        if (uploadedFile is not null && now.Exists && new State(now.Length, now.LastWriteTimeUtc) == state) uploaded[path] = (state, uploadedFile);
        else if (uploadedFile is null) Refuse(path, "it is not a plain file that can be read");
    }

    private void Refuse(string path, string problem)
    {
        if (refused.Add(path) && refused.Count <= 20) log.Say($"{path} is not kept: {problem}");
    }
}
