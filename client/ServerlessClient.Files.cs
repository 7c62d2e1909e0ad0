using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>What is larger goes straight to the store, where that can be had.</summary>
    private const long LargeBytes = 32 * 1024 * 1024;

    /// <summary>Stores a code snapshot; storing it again changes nothing.</summary>
    /// <param name="zip">See <see cref="CodeZip"/>.</param>
    public async Task<CodeStored> PutCode(ReadOnlyMemory<byte> zip, CancellationToken cancel = default)
    {
        var place = $"api/code/{Convert.ToHexStringLower(SHA256.HashData(zip.Span))}";
        return await IsSentDirectly(place, zip.Length, () => new MemoryStream(zip.ToArray()), null, cancel)
            ? await Send<CodeStored>(Call.Put($"{place}?uploaded=true"), cancel)
            : await Send<CodeStored>(
                Call.Put(place, () => new ReadOnlyMemoryContent(zip) { Headers = { ContentType = new("application/zip") } }), cancel);
    }

    /// <summary>Is this snapshot in the workspace already?</summary>
    public async Task<bool> HasCode(string sha256, CancellationToken cancel = default)
    {
        try
        {
            await Do(new(HttpMethod.Head, $"api/code/{sha256}"), cancel);
            return true;
        }
        catch (ApiException e) when (e.Fault == ApiFault.NotFound)
        {
            return false;
        }
    }

    /// <summary>Every file below a prefix, page by page.</summary>
    public async IAsyncEnumerable<WorkspaceFile> ListFiles(string prefix, [EnumeratorCancellation] CancellationToken cancel = default)
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

    /// <summary>A file of the workspace; it goes on after a break as long as nobody changes it.</summary>
    /// <param name="path">Begins with <c>data/</c>.</param>
    /// <param name="lengthBytes">As a list said; large files come from the store itself, where that can be had.</param>
    public Task<Stream> OpenFile(string path, long lengthBytes, CancellationToken cancel = default) =>
        OpenLarge($"api/files/{EscapedPath(path)}", lengthBytes, sha256: null, cancel);

    /// <summary>Stores a file in the workspace, in the place of one that is there.</summary>
    /// <param name="path">Begins with <c>data/</c>.</param>
    /// <param name="content">Opened once for each time that it is sent.</param>
    /// <param name="progress">Told how many bytes of it were sent; begins anew when it is sent again.</param>
    public async Task PutFile(
        string path, long lengthBytes, Func<Stream> content, IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        var place = $"api/files/{EscapedPath(path)}";
        if (!await IsSentDirectly(place, lengthBytes, content, progress, cancel)) await Do(Call.Put(place, () => Body(content, progress)), cancel);
    }

    /// <summary>Deletes a file.</summary>
    /// <param name="force">Also when runs read it.</param>
    public Task DeleteFile(string path, bool force = false, CancellationToken cancel = default) =>
        Do(Call.Delete($"api/files/{EscapedPath(path)}" + Forced(force)), cancel);

    // The answer may lead to the store itself; the client goes there without the key.
    private async Task<Stream> OpenLarge(string path, long lengthBytes, string? sha256, CancellationToken cancel)
    {
        var body = await Open(lengthBytes >= LargeBytes ? $"{path}?direct=true" : path, resumes: true, isVerified: IsHash(sha256), cancel);
        return Verified(body, lengthBytes, sha256);
    }

    private static Stream Verified(Stream body, long lengthBytes, string? sha256) =>
        IsHash(sha256) ? new VerifiedStream(body, sha256!, "what came", lengthBytes) : body;

    // While a run goes on, hashes of what it leaves are not known yet.
    private static bool IsHash(string? sha256) => sha256 is { Length: 64 };

    private async Task<bool> IsSentDirectly(string path, long lengthBytes, Func<Stream> content, IProgress<long>? progress, CancellationToken cancel)
    {
        if (lengthBytes < LargeBytes) return false;
        var place = await Send<UploadPlace>(Call.Post(path + Query(("lengthBytes", Text(lengthBytes)))) with { IsRepeatable = true }, cancel);
        if (!place.Direct) return false;
        await using var body = content();
        await new BlockUpload(http, retries, new(place.Url), options.NewIdempotencyKey()).Send(body, progress, cancel);
        return true;
    }

    private static StreamContent Body(Func<Stream> content, IProgress<long>? progress) =>
        new(progress is null ? content() : new ReportingStream(content(), progress), 1 << 16);
}
