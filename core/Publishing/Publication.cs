using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Publishing;

/// <summary>
/// Copies what a succeeded run wrote below <c>data/</c> into the workspace's own <c>data/</c>, each file once. What is to be replaced is written down
/// first, with its version, and nothing but that version is ever replaced: so a repeated event, a
/// crash between any two steps and a second handler undo nobody's change.
/// </summary>
public sealed class Publication(IObjectStore store)
{
    private readonly RunStore runs = new(store);

    /// <summary>
    /// Publishes all that can be; what cannot be is in the run's record, with the reason. Once it was done, nothing is touched again.
    /// </summary>
    /// <returns>What became of the run's files; null when it has none to publish.</returns>
    public async Task<PublicationRecord?> Publish(string runId, CancellationToken cancel = default)
    {
        var key = WorkspacePaths.Publication(runId);
        while (await runs.Load(runId, cancel) is { Run: { State: RunState.Succeeded, Outputs: { } outputs } })
        {
            var stored = await store.Read<PublicationRecord>(key, cancel);

            // Whatever it said, something was published: doing it again could undo somebody's change.
            if (stored.Damage is not null) return null;
            if (stored.Found is not { Record: var plan, Object.ETag: var etag })
            {
                plan = await Plan(runId, outputs, cancel);
                if (plan.Files.Count == 0 && plan.Problem is null) return plan;
                if ((await store.PutJson(key, plan, PutCondition.IfAbsent, cancel: cancel)) is not { Stored: true, Object.ETag: var made }) continue;
                etag = made;
            }

            if (plan.IsDone) return plan;
            if (await Carry(runId, plan, cancel) is not { } carried) return null;
            if (!carried.IsDone)
            {
                // An earlier run published meanwhile: its version is what is to be replaced now.
                await store.PutJson(key, carried, PutCondition.IfMatch(etag), cancel: cancel);
                continue;
            }

            await runs.Apply(runId, new RunEvent.Publish(carried.Unpublished), cancel);
            if ((await store.PutJson(key, carried, PutCondition.IfMatch(etag), cancel: cancel)).Stored) return carried;
        }

        return null;
    }

    private async Task<PublicationRecord> Plan(string runId, string outputs, CancellationToken cancel)
    {
        var manifest = await store.Read<OutputManifest>(outputs, cancel);
        if (manifest.Found is not { Record.Data: var data })
        {
            return new([], manifest.Damage is { } damage ? $"{damage}" : $"{outputs}, which says what is to be published, is missing");
        }

        var planned = new List<PublishedFile>();
        foreach (var file in data)
        {
            planned.Add(await Plan(runId, new PublishedFile(file.Path, file.Key) { Content = new(file.LengthBytes, file.Sha256) }, cancel));
        }

        return new(planned);
    }

    private async Task<PublishedFile> Plan(string runId, PublishedFile file, CancellationToken cancel)
    {
        if (ObjectKey.Problem(file.Target) is { } problem) return file.Not($"{file.Target} cannot be a file: {problem}");
        var there = (await store.Head(file.Target, cancel)).Value;
        return there is not null && WorkspaceFiles.PublishedBy(there) is { } from && IsLater(from, runId)
            ? file.Not(ByLater(from))
            : file with { Replaces = there?.ETag };
    }

    /// <summary>Null: the run was deleted meanwhile.</summary>
    private async Task<PublicationRecord?> Carry(string runId, PublicationRecord plan, CancellationToken cancel)
    {
        var files = new List<PublishedFile>();
        foreach (var file in plan.Files) files.Add(file.IsDone ? file : await Carry(runId, file, cancel));

        // A deletion takes the contents before the record: what is missing then is no damage.
        return files.Any(file => file.Why is not null) && await runs.Load(runId, cancel) is null ? null : plan with
        {
            Files = files,
            IsDone = files.All(file => file.IsDone),
        };
    }

    private async Task<PublishedFile> Carry(string runId, PublishedFile file, CancellationToken cancel)
    {
        try
        {
            return await CarryWhole(runId, file, cancel);
        }
        catch (UnreadableObjectException unreadable)
        {
            return file.Not($"its content, {file.Key}, cannot be read: {unreadable.Why}");
        }
        catch (Exception damaged) when (MismatchIn(damaged) is { } mismatch)
        {
            return file.Not($"its content, {file.Key}, is damaged: {mismatch}");
        }
    }

    /// <summary>Stores may wrap what a body throws.</summary>
    private static string? MismatchIn(Exception? e) => e switch
    {
        null => null,
        ContentMismatchException or InvalidDataException => e.Message,
        _ => MismatchIn(e.InnerException),
    };

    /// <exception cref="InvalidDataException">The content is not what was collected; nothing was stored.</exception>
    /// <exception cref="ContentMismatchException">The same.</exception>
    private async Task<PublishedFile> CarryWhole(string runId, PublishedFile file, CancellationToken cancel)
    {
        await using var reading = await store.Open(file.Key, cancel: cancel);
        if (reading is not null)
        {
            file.Content?.CheckLength(file.Key, reading.Object.LengthBytes);
            try
            {
                var source = new Dictionary<string, string>(StringComparer.Ordinal) { [WorkspaceFiles.PublishedByName] = runId };
                await using var body = file.Content?.Verified(reading.Body, "it") ?? reading.Body;
                if ((await store.Put(
                    file.Target, body, file.Replaces is { } etag ? PutCondition.IfMatch(etag) : PutCondition.IfAbsent, source, cancel)).Stored)
                {
                    return file.Done();
                }
            }
            catch (KeyConflictException conflict)
            {
                return file.Not(conflict.Message);
            }
        }

        var there = (await store.Head(file.Target, cancel)).Value;
        return there is null ? file.Not(reading is null ? $"its content, {file.Key}, is missing" : "somebody deleted the file that it was to replace")
            : WorkspaceFiles.PublishedBy(there) is not { } from
                ? file.Not(reading is null ? $"its content, {file.Key}, is missing" : "somebody changed the file meanwhile")
            : from == runId ? file.Done()
            : IsLater(from, runId) ? file.Not(ByLater(from))
            : reading is null ? file.Not($"its content, {file.Key}, is missing")
            : file with { Replaces = there.ETag };
    }

    /// <summary>Ids made later sort earlier.</summary>
    private static bool IsLater(string run, string than) => string.CompareOrdinal(run, than) < 0;

    private static string ByLater(string run) => $"run {run}, submitted later, published it";
}

/// <summary><c>attempts/{run}/publication.json</c>: what is to be published, and what became of it.</summary>
/// <param name="Problem">Why nothing is known of the files.</param>
public sealed record PublicationRecord(IReadOnlyList<PublishedFile> Files, string? Problem = null, bool IsDone = false)
{
    /// <summary>Of more than this it says how many there are.</summary>
    private const int MostNamed = 100;

    internal IReadOnlyList<UnpublishedFile> Unpublished
    {
        get
        {
            if (Problem is not null) return [new("", Problem)];
            var not = Files.Where(file => file.Why is not null).Select(file => new UnpublishedFile(file.Path, file.Why!)).ToList();
            return not.Count <= MostNamed
                ? not
                : [.. not.Take(MostNamed), new("", string.Create(CultureInfo.InvariantCulture, $"and {not.Count - MostNamed} more"))];
        }
    }
}

/// <param name="Path">As the code wrote it below <c>data/</c>.</param>
/// <param name="Key">Where its content is.</param>
/// <param name="Replaces">ETag of the file that it takes the place of; null: there was none.</param>
/// <param name="IsDone">It was published, or will not be.</param>
/// <param name="Why">Why it was not; null: it was.</param>
public sealed record PublishedFile(string Path, string Key, string? Replaces = null, bool IsDone = false, string? Why = null)
{
    /// <summary>What was collected. Null: written by an earlier version of the platform.</summary>
    public KnownContent? Content { get; init; }

    internal string Target => WorkspacePaths.Data + Path;

    internal PublishedFile Done() => this with { IsDone = true };

    internal PublishedFile Not(string why) => this with { IsDone = true, Why = why };
}
