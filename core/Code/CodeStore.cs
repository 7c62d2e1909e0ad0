using System.Collections.Concurrent;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Code;

/// <summary>What putting a snapshot came to.</summary>
public abstract record CodePut
{
    private CodePut() { }

    public sealed record Stored(CodeFacts Facts) : CodePut;

    /// <summary>The bytes are not those that the hash names.</summary>
    public sealed record HashMismatch(string Actual) : CodePut;

    /// <summary>No zip that a worker would unpack; the message says what to change.</summary>
    public sealed record Refused(string Message) : CodePut;
}

/// <summary>
/// The code snapshots of a workspace, each with its facts beside it. A snapshot never changes, so facts once read are remembered; whether it still is
/// there and whole is another question, asked before anything is to run from it.
/// </summary>
public sealed class CodeStore(IObjectStore store, CodeLimits? limits = null)
{
    private const int Remembered = 64;
    private readonly ConcurrentDictionary<string, CodeFacts> facts = new(StringComparer.Ordinal);

    /// <param name="zip">Seekable.</param>
    public async Task<CodePut> Put(string sha256, Stream zip, CancellationToken cancel = default)
    {
        CodeFacts found;
        try
        {
            found = CodePackage.Inspect(zip, limits, cancel);
        }
        catch (SnapshotRefusedException e)
        {
            return new CodePut.Refused(e.Message);
        }

        if (found.Sha256 != sha256) return new CodePut.HashMismatch(found.Sha256);
        zip.Position = 0;
        await store.PutSealed(WorkspacePaths.Code(sha256), sha256, zip, cancel);
        await store.PutJson(WorkspacePaths.CodeFacts(sha256), found, cancel: cancel);
        Remember(found);
        return new CodePut.Stored(found);
    }

    /// <summary>The facts of a snapshot that can be run from; null when it is missing or damaged, and has to be put.</summary>
    public async Task<CodeFacts?> Find(string sha256, CancellationToken cancel = default) =>
        await store.EnsureSealed(WorkspacePaths.Code(sha256), sha256, cancel: cancel) ? await Facts(sha256, cancel) : null;

    /// <summary>What is known of a snapshot, which may be gone; null when nothing is.</summary>
    public async Task<CodeFacts?> Facts(string sha256, CancellationToken cancel = default)
    {
        if (facts.TryGetValue(sha256, out var known)) return known;

        // Facts follow from the snapshot, so a file of them that is damaged is made again below.
        if ((await store.Read<CodeFacts>(WorkspacePaths.CodeFacts(sha256), cancel)).Found is { Record: var read } && read.Sha256 == sha256)
        {
            return Remember(read);
        }

        // The zip is put before its facts: whoever put it may have died between the two.
        if (await store.Get(WorkspacePaths.Code(sha256), cancel: cancel) is not { } zip) return null;
        return await Put(sha256, new MemoryStream(zip.Body), cancel) is CodePut.Stored { Facts: var found } ? found : null;
    }

    private CodeFacts Remember(CodeFacts found)
    {
        if (facts.Count >= Remembered) facts.Clear();
        return facts[found.Sha256] = found;
    }
}
