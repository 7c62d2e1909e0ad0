using System.Security.Cryptography;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Azure.Storage.Sas;
using Serverless.Core.Storage;

namespace Serverless.Cloud;

public sealed partial class BlobObjectStore
{
    // The service copies a block blob up to this size in one step.
    private const long OneStepCopyBytes = 256L * 1024 * 1024;

    // Smaller bodies are one request; larger ones are staged in blocks, and appear whole when the blocks are committed.
    private static readonly StorageTransferOptions Transfer = new()
    {
        InitialTransferSize = 8 * 1024 * 1024,
        MaximumTransferSize = 8 * 1024 * 1024,
        MaximumConcurrency = 4,
    };

    public Task<PutResult> Put(
        string key, Stream body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancel = default)
    {
        // A small body of known length is one request; of unknown length, two.
        var counted = body.CanSeek ? null : new CountedBody(body);
        var lengthBytes = body.CanSeek ? body.Length - body.Position : 0;
        return Write(key, condition, ObjectMetadata.Checked(metadata), () => counted?.LengthBytes ?? lengthBytes, async (blob, marked, conditions) =>
        {
            var options = new BlobUploadOptions { Conditions = conditions, Metadata = marked, TransferOptions = Transfer };
            var answer = await blob.UploadAsync(counted ?? body, options, cancel);
            return (answer.Value.ETag, answer.Value.LastModified, answer.GetRawResponse());
        }, cancel);
    }

    public async Task<PutResult> Copy(string from, string to, PutCondition condition = default, CancellationToken cancel = default)
    {
        while (true)
        {
            var (source, now) = await Head(from, cancel);
            if (source is null) return new(PutOutcome.SourceMissing, null, now);
            if (await SourceOf(from, source.LengthBytes, now, cancel) is not { } readable)
            {
                // The service has no one-step copy for it: then its bytes pass through here.
                await using var reading = await Open(from, cancel: cancel);
                if (reading is null) continue;
                return await Put(to, reading.Body, condition, reading.Object.Metadata, cancel);
            }

            try
            {
                return await Write(to, condition, source.Metadata, () => source.LengthBytes, async (blob, marked, conditions) =>
                {
                    var options = new BlobCopyFromUriOptions
                    {
                        Metadata = marked,
                        DestinationConditions = conditions,
                        SourceConditions = new() { IfMatch = new ETag(source.ETag) },
                        SourceAuthentication = readable.Authentication,
                    };
                    await CopyInOneStep(blob, readable.Uri, options, from, cancel);

                    // The answer names the version but not its time.
                    var properties = await blob.GetPropertiesAsync(cancellationToken: cancel);
                    if (!IsMarked(properties.Value, marked[Mark])) throw Unknown(to);
                    return (properties.Value.ETag, properties.Value.LastModified, properties.GetRawResponse());
                }, cancel);
            }
            catch (SourceChangedException)
            {
                // Copied is what is there now.
            }
        }
    }

    public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expectedOffset);
        if (bytes.Length > Limits.AppendBlockBytes)
        {
            throw new ArgumentException($"{bytes.Length} bytes are too many for one append; at most {Limits.AppendBlockBytes}", nameof(bytes));
        }

        var blob = container.GetAppendBlobClient(ObjectKey.Checked(key));
        return Guard(async () =>
        {
            while (true)
            {
                using var tries = new SendCounter();
                try
                {
                    if (bytes.IsEmpty) return await AppendNothing(blob, expectedOffset, cancel);
                    using var content = new MemoryStream(bytes.ToArray());
                    var options = new AppendBlobAppendBlockOptions { Conditions = new() { IfAppendPositionEqual = expectedOffset } };
                    await blob.AppendBlockAsync(content, options, cancel);
                    return new AppendResult(true, expectedOffset + bytes.Length);
                }
                catch (RequestFailedException e) when (IsMissing(e))
                {
                    if (expectedOffset != 0) return new(false, 0);
                    await CreateUnlessThere(blob, cancel);
                }
                catch (RequestFailedException e) when (e.Status == 412)
                {
                    var length = (await Head(key, cancel)).Value?.LengthBytes ?? 0;
                    if (!tries.MayHaveRepeated || length < expectedOffset + bytes.Length || !await Holds(key, expectedOffset, bytes, cancel))
                    {
                        return new(false, length);
                    }

                    if (length == expectedOffset + bytes.Length) return new(true, length);
                    throw Unknown(key);
                }
                catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.InvalidBlobType)
                {
                    throw new ArgumentException($"'{key}' was put, so nothing can be appended to it", nameof(key), e);
                }
                catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlockCountExceedsLimit)
                {
                    throw new ArgumentException(
                        $"'{key}' was appended to {Limits.AppendsPerObject} times, and takes no more: begin another object", nameof(key), e);
                }
            }
        }, cancel, writes: true);
    }

    private async Task<PutResult> Write(
        string key, PutCondition condition, IReadOnlyDictionary<string, string> metadata, Func<long> lengthBytes,
        Func<BlobClient, Dictionary<string, string>, BlobRequestConditions?, Task<(ETag ETag, DateTimeOffset Modified, Response Answer)>> write,
        CancellationToken cancel)
    {
        var blob = Blob(key);
        var marked = new Dictionary<string, string>(metadata) { [Mark] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)) };
        var conditions = condition.MustBeAbsent ? new BlobRequestConditions { IfNoneMatch = ETag.All }
            : condition.ETag is { } etag ? new BlobRequestConditions { IfMatch = new ETag(etag) }
            : null;
        var outcome = condition.MustBeAbsent ? PutOutcome.Exists : PutOutcome.Conflict;
        return await Guard(async () =>
        {
            using var tries = new SendCounter();
            try
            {
                var (stored, modified, answer) = await write(blob, marked, conditions);
                return new PutResult(PutOutcome.Stored, new(key, Text(stored), lengthBytes(), modified, metadata), Now(answer));
            }
            catch (RequestFailedException e) when (condition != default && (BlobFaults.IsConditionNotMet(e) || IsMissing(e)))
            {
                return tries.MayHaveRepeated ? await Settle(key, blob, marked[Mark], cancel) : new(outcome, null, Now(e.GetRawResponse()!));
            }
        }, cancel, writes: true);
    }

    // A conflict with a write that was sent more than once: with itself, or with somebody who may have come before it or after it.
    private static async Task<PutResult> Settle(string key, BlobClient blob, string mark, CancellationToken cancel)
    {
        var now = await blob.GetPropertiesAsync(cancellationToken: cancel);
        return IsMarked(now.Value, mark) ? new(PutOutcome.Stored, Describe(key, now.Value), Now(now.GetRawResponse())) : throw Unknown(key);
    }

    private async Task CopyInOneStep(BlobClient blob, Uri source, BlobCopyFromUriOptions options, string from, CancellationToken cancel)
    {
        try
        {
            await blob.SyncCopyFromUriAsync(source, options, cancel);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.SourceConditionNotMet)
        {
            throw new SourceChangedException();
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            using var notOfThisWrite = new SendCounter();
            if ((await Head(from, cancel)).Value is null) throw new SourceChangedException();
            throw;
        }
    }

    private static bool IsMarked(BlobProperties properties, string mark) => properties.Metadata.TryGetValue(Mark, out var found) && found == mark;

    private static StoreUnavailableException Unknown(string key) =>
        new($"'{key}' was written by somebody else while the answer to this write was lost: nobody can tell whether it happened; read it and " +
            "decide again");

    private static async Task<AppendResult> AppendNothing(AppendBlobClient blob, long expectedOffset, CancellationToken cancel)
    {
        var length = (await blob.GetPropertiesAsync(cancellationToken: cancel)).Value.ContentLength;
        return new(length == expectedOffset, length);
    }

    private static async Task CreateUnlessThere(AppendBlobClient blob, CancellationToken cancel)
    {
        try
        {
            await blob.CreateAsync(new AppendBlobCreateOptions { Conditions = new() { IfNoneMatch = ETag.All } }, cancel);
        }
        catch (RequestFailedException e) when (BlobFaults.IsConditionNotMet(e))
        {
            // Another appender made it.
        }
    }

    private async Task<bool> Holds(string key, long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        await this.Get(key, new ByteRange(offset, bytes.Length), cancel) is { } found && bytes.Span.SequenceEqual(found.Body);

    private async Task<(Uri Uri, HttpAuthorization? Authentication)?> SourceOf(
        string key, long lengthBytes, DateTimeOffset now, CancellationToken cancel)
    {
        var blob = container.GetBlockBlobClient(key);
        if (lengthBytes > OneStepCopyBytes || !await IsBlockBlob(blob, cancel)) return null;
        if (blob.CanGenerateSasUri) return (blob.GenerateSasUri(BlobSasPermissions.Read, now.AddHours(1)), null);
        if (credential is null) return null;
        var token = await credential.GetTokenAsync(new(["https://storage.azure.com/.default"]), cancel);
        return (blob.Uri, new HttpAuthorization("Bearer", token.Token));
    }

    private Task<bool> IsBlockBlob(BlockBlobClient blob, CancellationToken cancel) => Guard(async () =>
    {
        try
        {
            return (await blob.GetPropertiesAsync(cancellationToken: cancel)).Value.BlobType == BlobType.Block;
        }
        catch (RequestFailedException e) when (IsMissing(e))
        {
            return false;
        }
    }, cancel);

    private sealed class SourceChangedException : Exception;
}
