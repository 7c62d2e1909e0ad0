using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs.Settled;

/// <summary>
/// A run whose record the index has to look at. It is put before the change that it speaks of, so that whoever reads the marks misses none.
/// </summary>
/// <param name="Why"><see cref="End"/>, or which version of the record is about to be replaced.</param>
internal sealed record SettledMark(string Run, string Why, StoredObject Object)
{
    private const string End = "end";

    /// <summary>A run that ended leaves <c>active/</c>.</summary>
    public static Task PutEnd(IObjectStore store, string runId, CancellationToken cancel) =>
        store.Put(WorkspacePaths.SettledMark(runId, End), [], cancel: cancel);

    /// <summary>
    /// An ended run's record is about to be replaced, or deleted, only at this ETag. Who replaces the same version shares the mark: of them one
    /// succeeds, and then it has served all.
    /// </summary>
    public static Task PutBefore(IObjectStore store, string runId, string etag, CancellationToken cancel) =>
        store.Put(WorkspacePaths.SettledMark(runId, Version(etag)), [], cancel: cancel);

    public static async Task<List<SettledMark>> All(IObjectStore store, CancellationToken cancel)
    {
        var all = new List<SettledMark>();
        await foreach (var stored in store.List(WorkspacePaths.SettledMarks, cancel: cancel))
        {
            if (WorkspacePaths.SettledMarkOf(stored.Key) is var (run, why)) all.Add(new(run, why, stored));
        }

        return all;
    }

    /// <summary>Whether a record at this ETag shows that the change has been made, or can be made no more.</summary>
    /// <param name="etag">Null: the record is gone.</param>
    public bool IsDoneAt(string? etag) => etag is null || Why != Version(etag);

    // An ETag may have any characters.
    private static string Version(string etag) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(etag)).AsSpan(0, 12));
}
