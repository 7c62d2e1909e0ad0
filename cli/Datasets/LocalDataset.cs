using System.Collections.Concurrent;
using System.Security.Cryptography;
using Serverless.Cli.Transfer;
using Serverless.Core.Code;
using Serverless.Core.Datasets;
using Serverless.Core.Publishing;

namespace Serverless.Cli.Datasets;

/// <summary>
/// A folder of this machine on its way to become a version of a dataset. Its files are hashed first; only contents that the workspace does not have
/// are sent, several at once, and what was sent before a break is not sent again.
/// </summary>
sealed class LocalDataset(Session session, string name, string path)
{
    /// <summary>Asking again finds nothing missing unless somebody removes contents meanwhile.</summary>
    private const int MostRounds = 3;

    public async Task<DatasetPublication> Publish(CancellationToken cancel)
    {
        var files = Found();
        LocalFiles.Check(files.Select(file => file.File));
        var seen = files.ToDictionary(file => file.Path, file => Look(file.File), StringComparer.Ordinal);
        var hashes = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        await Transfers.Run(session.Output, "Read",
            [.. files.Select(file => new Transfer.Transfer(file.Path, seen[file.Path].LengthBytes, async (moved, stop) =>
        {
            hashes[file.Path] = await Hash(file.File, moved, stop);
        }))], cancel);

        // The first of several files of one content stands for them.
        var sources = files.GroupBy(file => hashes[file.Path]).ToDictionary(same => same.Key, same => same.First());
        DatasetRequest request = new(Files: [.. files.Select(file => new DatasetFile(file.Path, hashes[file.Path], seen[file.Path].LengthBytes))]);
        for (var round = 0; round < MostRounds; round++)
        {
            Unchanged();
            var answer = await session.Api.Publish(name, request, cancel);
            if (answer.Missing is not { Count: > 0 } missing) return answer;
            await Transfers.Run(session.Output, "Sent", [.. missing.Select(sha256 => new Transfer.Transfer(
                sources[sha256].Path, seen[sources[sha256].Path].LengthBytes, (moved, stop) => Send(sha256, sources[sha256].File, moved, stop)))],
                    cancel);
        }

        throw new ExpException(ExitCode.Unreachable, "contents that were sent are missing in the workspace again; publish once more");

        async Task Send(string sha256, string file, IProgress<long> moved, CancellationToken stop)
        {
            try
            {
                await session.Api.PutContent(name, sha256, seen[sources[sha256].Path].LengthBytes, () => LocalFiles.Open(file), moved, stop);
            }
            catch (ApiException)
            {
                Unchanged();
                throw;
            }
        }

        void Unchanged()
        {
            if (files.Find(file => Look(file.File) != seen[file.Path]) is { File: { } changed })
            {
                throw ExpException.Usage($"{changed} changed while it was being published; publish again when nothing writes there");
            }
        }
    }

    private static async Task<string> Hash(string file, IProgress<long> moved, CancellationToken cancel)
    {
        await using var content = LocalFiles.Open(file);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        long position = 0;
        for (int read; (read = await content.ReadAsync(buffer, cancel)) > 0; moved.Report(position += read)) hash.AppendData(buffer.AsSpan(0, read));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private List<(string Path, string File)> Found()
    {
        if (File.Exists(path)) return [(Path.GetFileName(path), path)];
        if (!Directory.Exists(path))
        {
            throw ExpException.NotFound($"there is no file or folder {path} on this machine; one of the workspace begins with data/");
        }

        var files = LocalFiles.Below(path)
            .Select(file => (Path: Path.GetRelativePath(path, file).Replace(Path.DirectorySeparatorChar, '/'), File: file))
                .OrderBy(file => file.Path, CodeTree.Order).ToList();
        return files.Count is > 0 and <= DatasetPublishing.MaxFiles ? files
            : throw ExpException.Usage(files.Count == 0
                ? $"{path} has no files"
                : $"{path} has {files.Count} files, at most {DatasetPublishing.MaxFiles}; pack them into archives");
    }

    private static (long LengthBytes, DateTime Written) Look(string file) =>
        new FileInfo(file) is { Exists: true } info ? (info.Length, info.LastWriteTimeUtc) : (-1, default);
}
