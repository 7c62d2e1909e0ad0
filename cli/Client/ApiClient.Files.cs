using System.Net.Http.Headers;
using Serverless.Core.Api;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    /// <summary>Stores a code snapshot; storing it again changes nothing.</summary>
    public Task<CodeStored> PutCode(string sha256, ReadOnlyMemory<byte> zip, CancellationToken cancel) =>
        Send<CodeStored>(HttpMethod.Put, $"api/code/{sha256}", new ReadOnlyMemoryContent(zip) { Headers = { ContentType = new MediaTypeHeaderValue("application/zip") } }, cancel);

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

    public async Task<Stream> OpenFile(string path, CancellationToken cancel) =>
        await (await Send(HttpMethod.Get, $"api/files/{EscapedPath(path)}", null, cancel)).Content.ReadAsStreamAsync(cancel);

    public async Task PutFile(string path, Stream content, CancellationToken cancel) =>
        (await Send(HttpMethod.Put, $"api/files/{EscapedPath(path)}", new StreamContent(content, 1 << 16), cancel)).Dispose();

    /// <param name="force">Also when runs read it.</param>
    public async Task DeleteFile(string path, bool force, CancellationToken cancel) =>
        (await Send(HttpMethod.Delete, $"api/files/{EscapedPath(path)}" + Forced(force), null, cancel)).Dispose();
}
