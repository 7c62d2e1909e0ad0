using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary><c>requests/{hash of the idempotency key}.json</c>.</summary>
/// <param name="Runs">Ids chosen before anything was made, so that a second try makes the same runs.</param>
/// <param name="Answer">Null while nobody has got to the end.</param>
internal sealed record RequestRecord(string BodySha256, IReadOnlyList<string> Runs, Submitted? Answer = null);

/// <summary>Idempotency keys: what was sent under each, and what it was answered.</summary>
internal sealed class Requests(IObjectStore store, TimeSpan lifetime)
{
    /// <param name="ETag">Of the record as it is now.</param>
    /// <param name="Again">Somebody has begun on it before.</param>
    public sealed record ReservedRequest(string Key, string ETag, RequestRecord Record, bool Again);

    /// <summary>What is known of a key: nothing (null), or the record, with the answer in it when there is one.</summary>
    public async Task<ReservedRequest?> Find(Idempotency idempotency, CancellationToken cancel)
    {
        var key = KeyOf(idempotency);
        return await store.Get(key, cancel: cancel) is { } read && read.Now - read.Object.Modified < lifetime
            ? new(key, read.Object.ETag, read.Json<RequestRecord>(), Again: true)
            : null;
    }

    /// <summary>Reserves the key, unless somebody did meanwhile: then what that one wrote.</summary>
    public async Task<ReservedRequest> Begin(Idempotency idempotency, IReadOnlyList<string> runs, CancellationToken cancel)
    {
        var (key, record) = (KeyOf(idempotency), new RequestRecord(idempotency.BodySha256, runs));
        while (true)
        {
            var put = await store.PutJson(key, record, PutCondition.IfAbsent, cancel: cancel);
            if (!put.Stored)
            {
                if (await store.Get(key, cancel: cancel) is not { } read) continue;
                if (read.Now - read.Object.Modified < lifetime) return new(key, read.Object.ETag, read.Json<RequestRecord>(), Again: true);
                put = await store.PutJson(key, record, PutCondition.IfMatch(read.Object.ETag), cancel: cancel);
            }

            if (put.Stored) return new(key, put.Object!.ETag, record, Again: false);
        }
    }

    /// <summary>Writes the answer, unless another try did: then that one's.</summary>
    public async Task<Submitted> Finish(ReservedRequest begun, Submitted answer, CancellationToken cancel)
    {
        var put = await store.PutJson(begun.Key, begun.Record with { Answer = answer }, PutCondition.IfMatch(begun.ETag), cancel: cancel);
        if (put.Stored) return answer;
        return await store.Get(begun.Key, cancel: cancel) is { } read && read.Json<RequestRecord>() is { Answer: { } first } record
            && record.BodySha256 == begun.Record.BodySha256
            ? first
            : answer;
    }

    /// <summary>Removes what is older than the lifetime.</summary>
    public async Task<int> RemoveExpired(CancellationToken cancel)
    {
        var removed = 0;
        await foreach (var request in store.List(WorkspacePaths.Requests, cancel: cancel))
        {
            if (await store.Head(request.Key, cancel) is not { Value: { } found, Now: var now } || now - found.Modified < lifetime) continue;
            if (await store.Delete(request.Key, found.ETag, cancel) == DeleteOutcome.Deleted) removed++;
        }

        return removed;
    }

    private static string KeyOf(Idempotency idempotency) =>
        WorkspacePaths.Request(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(idempotency.Key))));
}
