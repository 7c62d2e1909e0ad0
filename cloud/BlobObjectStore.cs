using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Core;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Serverless.Core.Storage;

namespace Serverless.Cloud;

/// <summary>
/// Objects as blobs of one container: block blobs for what is put, append blobs for what is appended to. Times are the service's, to the second.
/// <para>A conditional write whose first answer was lost is sent again and then conflicts with itself. Every put carries a mark of its own, and every
/// append can be read back, so such a write is recognised as done; when somebody has already written over it, nobody can tell, and
/// <see cref="StoreUnavailableException"/> says so.</para>
/// </summary>
/// <param name="container">Made with <see cref="BlobClients.Options"/>. Created at the first write when it is missing.</param>
/// <param name="credential">What <paramref name="container"/> was made with, when that was a
/// token: the service reads the source of a copy with it.</param>
public sealed partial class BlobObjectStore(BlobContainerClient container, TokenCredential? credential = null) : IObjectStore
{
    // Not a name that callers can use, and no property that readers see.
    private const string Mark = "_put";

    // Known to exist. Before its first write a container may be missing, and is empty then; one that is missing afterwards was taken away.
    private volatile bool made;

    public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel = default) => Guard(async () =>
    {
        try
        {
            var answer = await Blob(key).GetPropertiesAsync(cancellationToken: cancel);
            return new StoreAnswer<StoredObject?>(Describe(key, answer.Value), Now(answer.GetRawResponse()));
        }
        catch (RequestFailedException e) when (IsMissing(e))
        {
            return new(null, Now(e.GetRawResponse()!));
        }
    }, cancel);

    public Task<ObjectReading?> Open(string key, ByteRange? range = null, CancellationToken cancel = default) => Guard(async () =>
    {
        if (range is { Length: 0 }) return await Empty(key, cancel);
        try
        {
            var options = range is { } wanted ? new BlobDownloadOptions { Range = new HttpRange(wanted.Offset, wanted.Length) } : null;
            var answer = await Blob(key).DownloadStreamingAsync(options, cancel);
            var details = answer.Value.Details;
            var found = new StoredObject(key, Text(details.ETag), TotalBytes(details), details.LastModified, Visible(details.Metadata));
            return new ObjectReading(found, new BlobBody(answer.Value.Content, container.Name), Now(answer.GetRawResponse()));
        }
        catch (RequestFailedException e) when (e.Status == 416)
        {
            return await Empty(key, cancel);
        }
        catch (RequestFailedException e) when (IsMissing(e))
        {
            return null;
        }
    }, cancel);

    public async IAsyncEnumerable<StoredObject> List(string prefix, string? after = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var options = new GetBlobsOptions { Prefix = prefix, Traits = BlobTraits.Metadata, StartFrom = after };
        await using var blobs = container.GetBlobsAsync(options, cancel).GetAsyncEnumerator(cancel);

        while (await Guard(async () => await Next(blobs), cancel))
        {
            // Not every server knows where to start from, and those that do begin with that name itself.
            var blob = blobs.Current;
            if (after is not null && string.CompareOrdinal(blob.Name, after) <= 0) continue;
            if (ObjectKey.Problem(blob.Name) is not null || (blob.Metadata?.ContainsKey("hdi_isfolder") ?? false)) continue;
            var properties = blob.Properties;
            yield return new(
                blob.Name, Text(properties.ETag!.Value), properties.ContentLength ?? 0, properties.LastModified!.Value, Visible(blob.Metadata));
        }
    }

    public Task<DeleteOutcome> Delete(string key, string? ifMatch = null, CancellationToken cancel = default) => Guard(async () =>
    {
        try
        {
            var conditions = ifMatch is null ? null : new BlobRequestConditions { IfMatch = new ETag(ifMatch) };
            await Blob(key).DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, conditions, cancel);
            return DeleteOutcome.Deleted;
        }
        catch (RequestFailedException e) when (IsMissing(e))
        {
            return DeleteOutcome.Missing;
        }
        catch (RequestFailedException e) when (BlobFaults.IsConditionNotMet(e))
        {
            return await Blob(key).ExistsAsync(cancel) ? DeleteOutcome.Conflict : DeleteOutcome.Missing;
        }
    }, cancel);

    private async Task<bool> Next(IAsyncEnumerator<BlobItem> blobs)
    {
        try
        {
            return await blobs.MoveNextAsync();
        }
        catch (RequestFailedException e) when (IsMissing(e) && !made)
        {
            return false;
        }
    }

    private async Task<ObjectReading?> Empty(string key, CancellationToken cancel)
    {
        var head = await Head(key, cancel);
        return head.Value is { } found ? new(found, Stream.Null, head.Now) : null;
    }

    private bool IsMissing(RequestFailedException e) => e.Status == 404 && (e.ErrorCode != BlobErrorCode.ContainerNotFound || !made);

    private BlobClient Blob(string key) => container.GetBlobClient(ObjectKey.Checked(key));

    private static StoredObject Describe(string key, BlobProperties properties) =>
        new(key, Text(properties.ETag), properties.ContentLength, properties.LastModified, Visible(properties.Metadata));

    // Headers have it in quotation marks, listings do not.
    private static string Text(ETag etag) => etag.ToString().Trim('"');

    private static DateTimeOffset Now(Response response) =>
        response.Headers.Date ?? throw new StoreUnavailableException("the answer has no date: is this a storage account?");

    private static IReadOnlyDictionary<string, string> Visible(IDictionary<string, string>? metadata) =>
        metadata is null || metadata.Count == 0 ? ObjectMetadata.None
        : metadata.Where(pair => pair.Key != Mark).ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);

    // Content-Range: bytes 0-9/100
    private static long TotalBytes(BlobDownloadDetails details) =>
        details.ContentRange is { Length: > 0 } range
            ? long.Parse(range.AsSpan(range.LastIndexOf('/') + 1), CultureInfo.InvariantCulture)
            : details.ContentLength;

    private async Task<T> Guard<T>(Func<Task<T>> work, CancellationToken cancel, bool writes = false)
    {
        try
        {
            if (writes && !made)
            {
                if (!await container.ExistsAsync(cancel)) await container.CreateIfNotExistsAsync(cancellationToken: cancel);
                made = true;
            }

            return await work();
        }
        catch (Exception e) when (BlobFaults.Of(e, container.Name, cancel) is { } fault)
        {
            throw fault;
        }
    }
}
