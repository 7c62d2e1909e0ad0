using System.Net.Http.Headers;
using Serverless.Cloud;
using Serverless.Core.Api;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    /// <summary>What is larger goes straight to the store, where that can be had.</summary>
    private const long LargeBytes = 32 * 1024 * 1024;

    /// <summary>Stores a code snapshot; storing it again changes nothing.</summary>
    public async Task<CodeStored> PutCode(string sha256, ReadOnlyMemory<byte> zip, CancellationToken cancel)
    {
        if (await IsSentDirectly($"api/code/{sha256}", zip.Length, () => new MemoryStream(zip.ToArray()), cancel))
        {
            return await Send<CodeStored>(HttpMethod.Put, $"api/code/{sha256}?uploaded=true", null, cancel);
        }

        return await Send<CodeStored>(HttpMethod.Put, $"api/code/{sha256}", new ReadOnlyMemoryContent(zip) { Headers = { ContentType = new MediaTypeHeaderValue("application/zip") } }, cancel);
    }

    /// <summary>Is this snapshot in the workspace already?</summary>
    public async Task<bool> HasCode(string sha256, CancellationToken cancel)
    {
        try
        {
            (await Send(HttpMethod.Head, $"api/code/{sha256}", null, cancel)).Dispose();
            return true;
        }
        catch (ExpException e) when (e.Code == ExitCode.NotFound)
        {
            return false;
        }
    }

    /// <summary>Every file below a prefix, page by page.</summary>
    public async IAsyncEnumerable<WorkspaceFile> ListFiles(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        string? after = null;
        do
        {
            var page = await Get<FileList>("api/files" + Query(("prefix", prefix), ("after", after)), cancel);
            foreach (var file in page.Files) yield return file;
            after = page.Next;
        }
        while (after is not null);
    }

    public Task<Stream> OpenFile(string path, long lengthBytes, CancellationToken cancel) => OpenLarge($"api/files/{EscapedPath(path)}", lengthBytes, cancel);

    /// <param name="content">Opened once.</param>
    public async Task PutFile(string path, long lengthBytes, Func<Stream> content, CancellationToken cancel)
    {
        var place = $"api/files/{EscapedPath(path)}";
        if (await IsSentDirectly(place, lengthBytes, content, cancel)) return;
        await using var body = content();
        (await Send(HttpMethod.Put, place, new StreamContent(body, 1 << 16), cancel)).Dispose();
    }

    /// <param name="force">Also when runs read it.</param>
    public async Task DeleteFile(string path, bool force, CancellationToken cancel) =>
        (await Send(HttpMethod.Delete, $"api/files/{EscapedPath(path)}" + Forced(force), null, cancel)).Dispose();

    // The answer may lead to the store itself; the client goes there without the key.
    private async Task<Stream> OpenLarge(string path, long lengthBytes, CancellationToken cancel) =>
        await (await Send(HttpMethod.Get, lengthBytes >= LargeBytes ? $"{path}?direct=true" : path, null, cancel)).Content.ReadAsStreamAsync(cancel);

    private async Task<bool> IsSentDirectly(string path, long lengthBytes, Func<Stream> content, CancellationToken cancel)
    {
        if (lengthBytes < LargeBytes) return false;
        var place = await Send<UploadPlace>(HttpMethod.Post, path + Query(("lengthBytes", Text(lengthBytes))), null, cancel);
        if (!place.Direct) return false;
        await using var body = content();
        try
        {
            await DirectUploads.Send(new(place.Url), body, cancel);
            return true;
        }
        catch (StoreUnavailableException e)
        {
            throw new ExpException(ExitCode.Unreachable, $"{e.Message}; try again", inner: e);
        }
    }
}
