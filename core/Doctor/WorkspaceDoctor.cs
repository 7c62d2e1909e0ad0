using System.Runtime.CompilerServices;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Doctor;

/// <summary>
/// Looks for everything in a workspace that is damaged or does not fit together. It changes nothing, but for what it is told to move.
/// </summary>
/// <param name="platform">Where the workspace's webhooks and everybody's keys are.</param>
public sealed class WorkspaceDoctor(string workspace, IObjectStore store, IObjectStore platform)
{
    /// <summary>A key, or a mark, without its run is a submission in progress, or one that died; after this it is the latter.</summary>
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);

    private const string ByHand = "move it elsewhere by hand, and put the records back from a backup";

    private readonly RunStore runs = new(store);

    /// <summary>Runs, hashes of snapshots and contents, and misplaced objects that were dealt with.</summary>
    private readonly HashSet<string> looked = new(StringComparer.Ordinal);

    /// <summary>Objects that were looked at so far.</summary>
    public long Examined { get; private set; }

    public async IAsyncEnumerable<Finding> Look([EnumeratorCancellation] CancellationToken cancel = default)
    {
        foreach (var finding in Folders(store, WorkspacePaths.Folders, isPlatform: false)) yield return finding;
        foreach (var finding in Folders(platform, PlatformPaths.Folders, isPlatform: true)) yield return finding;
        foreach (var kind in RecordKind.OfWorkspaces)
        {
            await foreach (var finding in Records(store, kind, isPlatform: false, cancel)) yield return finding;
        }

        foreach (var kind in RecordKind.OfPlatform(workspace))
        {
            await foreach (var finding in Records(platform, kind, isPlatform: true, cancel)) yield return finding;
        }

        await foreach (var finding in Snapshots(cancel)) yield return finding;
        await foreach (var finding in Runs(cancel)) yield return finding;
        await foreach (var finding in LostRuns(cancel)) yield return finding;
        await foreach (var finding in Datasets(cancel)) yield return finding;
        await foreach (var finding in LostVersions(cancel)) yield return finding;
        await foreach (var finding in Marks(cancel)) yield return finding;
        await foreach (var finding in InPlaceOfMarks(cancel)) yield return finding;
        await foreach (var finding in Keys(cancel)) yield return finding;
    }

    /// <summary>Moves an object to <c>damaged/</c> if it still is what <see cref="Look"/> says can be moved.</summary>
    public async Task<DoctorMoved> Move(DoctorMove what, CancellationToken cancel = default)
    {
        var (key, from) = (what.Object ?? "", what.Platform ? platform : store);
        if (ObjectKey.Problem(key) is not null || await from.Get(key, cancel: cancel) is not { } content || !await CanMove(what, from, key, cancel))
        {
            return new(key, null);
        }

        for (var number = 1; ; number++)
        {
            var to = WorkspacePaths.Damaged(key, number);
            var put = await from.Put(to, content.Body, PutCondition.IfAbsent, content.Object.Metadata, cancel);
            if (!put.Stored) continue;
            if (await from.Delete(key, content.Object.ETag, cancel) != DeleteOutcome.Conflict) return new(key, to);

            // Somebody wrote it meanwhile.
            await from.Delete(to, put.Object!.ETag, cancel);
            return new(key, null);
        }
    }

    private async Task<bool> CanMove(DoctorMove what, IObjectStore from, string key, CancellationToken cancel)
    {
        var kinds = what.Platform ? RecordKind.OfPlatform(workspace) : RecordKind.OfWorkspaces;
        foreach (var kind in kinds.Where(kind => key.StartsWith(kind.Prefix, StringComparison.Ordinal) && kind.IsOne(key)))
        {
            if (await kind.Damage(from, key, cancel) is { IsNewer: false, IsClosed: false }) return true;
        }

        return !what.Platform && key.StartsWith(WorkspacePaths.Keys, StringComparison.Ordinal) && await StrayKey(key, cancel) is not null;
    }

    private static IEnumerable<Finding> Folders(IObjectStore from, IReadOnlyList<string> folders, bool isPlatform)
    {
        foreach (var folder in folders)
        {
            if (from.Obstacle(folder) is not { } obstacle) continue;
            if (folders.Any(above => IsBelow(folder, above) && from.Obstacle(above) is not null)) continue;
            yield return new(
                folder.TrimEnd('/'), FindingKind.Stray, $"{obstacle}: what belongs there is not served", ByHand, Platform: isPlatform);
        }
    }

    private static bool IsBelow(string folder, string above) => folder != above && folder.StartsWith(above, StringComparison.Ordinal);

    private async IAsyncEnumerable<Finding> Records(
        IObjectStore from, RecordKind kind, bool isPlatform, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var stored in from.ListNames(kind.Prefix, cancel: cancel))
        {
            if (stored.Object is null)
            {
                if (kind.IsOne(stored.Key) && looked.Add(stored.Key))
                {
                    yield return new(stored.Key, FindingKind.Stray, $"{stored.Obstacle}: a record belongs there", ByHand, Platform: isPlatform);
                }

                continue;
            }

            if (stored.Key.Contains(".json/", StringComparison.Ordinal) && looked.Add(stored.Key))
            {
                yield return new(stored.Key, FindingKind.Stray, "it lies in a folder that has the name of a record", ByHand, Platform: isPlatform);
            }

            if (!kind.IsOne(stored.Key)) continue;
            Examined++;
            if (await kind.Damage(from, stored.Key, cancel) is not { } damage) continue;
            if (damage.IsClosed)
            {
                const string Open = "let the platform's user read it (chown, chmod), or put it back from a backup when the disk has lost it";
                yield return new(stored.Key, FindingKind.Damaged, damage.Why, Open, Platform: isPlatform);
                continue;
            }

            yield return damage.IsNewer
                ? new(stored.Key, FindingKind.Newer, damage.Why, "upgrade the platform; it must stay where it is", Platform: isPlatform)
                : new(stored.Key, FindingKind.Damaged, damage.Why, kind.Loss, CanMove: true, isPlatform);
        }
    }

    private async IAsyncEnumerable<Finding> Runs([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var stored in store.List(WorkspacePaths.Runs, cancel: cancel))
        {
            if (WorkspacePaths.RunIdOf(stored.Key) is not { } id) continue;
            looked.Add(id);
            if (await runs.Sound(id, cancel) is not { } run) continue;
            if (looked.Add(run.Spec.Code.Snapshot) && await Snapshot(run.Spec.Code.Snapshot, $"the code of run {run.Id}", cancel) is { } lost)
            {
                yield return lost;
            }

            var examination = new RunExamination(store, run);
            await foreach (var finding in examination.Look(cancel)) yield return finding;
            Examined += examination.Examined;
        }
    }

    /// <summary>A run's record goes last when it is deleted, so attempts without one have lost it.</summary>
    private async IAsyncEnumerable<Finding> LostRuns([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var stored in store.List(WorkspacePaths.Attempts, cancel: cancel))
        {
            if (WorkspacePaths.AttemptedRunOf(stored.Key) is not { } id || !looked.Add(id) || !await IsLost(WorkspacePaths.Run(id), cancel)) continue;
            yield return new(WorkspacePaths.Run(id), FindingKind.Missing, $"there are attempts of run {id} and no record",
                "put it back from a backup; without it nothing leads to what is below attempts/");
        }
    }

    /// <summary>What was moved away was dealt with.</summary>
    private async Task<bool> IsLost(string key, CancellationToken cancel) =>
        (await store.Head(key, cancel)).Value is null && (await store.Head(WorkspacePaths.Damaged(key, 1), cancel)).Value is null;

    private async IAsyncEnumerable<Finding> Snapshots([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var stored in store.List(WorkspacePaths.Codes, cancel: cancel))
        {
            if (WorkspacePaths.CodeOf(stored.Key) is { } sha256 && looked.Add(sha256)
                && await Snapshot(sha256, "a snapshot of code", cancel) is { } damaged)
            {
                yield return damaged;
            }
        }
    }

    private async Task<Finding?> Snapshot(string sha256, string what, CancellationToken cancel)
    {
        var key = WorkspacePaths.Code(sha256);
        Examined++;
        return await Fault(key, sha256, cancel) is { } fault
            ? new(key, FindingKind.Missing, $"{what} {fault}", "send it again: exp run from a checkout of that code does")
            : null;
    }

    /// <summary>What is wrong with an object that its hash names; null: nothing.</summary>
    private async Task<string?> Fault(string key, string sha256, CancellationToken cancel) =>
        (await store.Head(key, cancel)).Value is not { } there ? "is missing"
        : await store.IsWhole(there, sha256, cancel) ? null
        : $"is damaged: its {there.LengthBytes} bytes are not those that were stored";

    private async IAsyncEnumerable<Finding> Datasets([EnumeratorCancellation] CancellationToken cancel)
    {
        var catalog = new DatasetCatalog(store);
        await foreach (var info in catalog.Versions(cancel: cancel))
        {
            if (info.IsDeleted || await catalog.Sound(info.Name, info.Number, cancel) is not { } version) continue;
            foreach (var file in version.Files.Where(file => looked.Add(file.Sha256)))
            {
                Examined++;
                var key = WorkspacePaths.Content(file.Sha256);
                if (await Fault(key, file.Sha256, cancel) is { } fault)
                {
                    yield return new(key, FindingKind.Missing, $"{file.Path} of dataset {version} {fault}",
                        "put it back from a backup, or publish the same files again from a copy that is whole");
                }
            }
        }
    }

    private async IAsyncEnumerable<Finding> LostVersions([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var given in store.List(WorkspacePaths.GivenNumbers, cancel: cancel))
        {
            if (WorkspacePaths.GivenNumberOf(given.Key) is not var (name, number)) continue;
            Examined++;
            var key = WorkspacePaths.DatasetVersion(name, number);
            if ((await store.Read<DatasetVersion>(key, cancel)).IsMissing)
            {
                yield return new(
                    key, FindingKind.Missing, $"dataset {name}:{number} was published",
                    $"put it back from a backup, or give it up with exp dataset delete {name}:{number}; until then no content of any dataset is " +
                    "removed");
            }
        }

        await foreach (var given in store.List(WorkspacePaths.GivenVersions, cancel: cancel))
        {
            if (WorkspacePaths.GivenVersionOf(given.Key) is not var (project, experiment, number)) continue;
            Examined++;
            var key = WorkspacePaths.Version(project, experiment, number);
            if (await IsLost(key, cancel))
            {
                yield return new(key, FindingKind.Missing, $"version {number} of {project}/{experiment} was given",
                    "put it back from a backup; its number stays taken");
            }
        }
    }

    private async IAsyncEnumerable<Finding> Marks([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var mark in store.List(WorkspacePaths.Active, cancel: cancel))
        {
            if (WorkspacePaths.ActiveRunIdOf(mark.Key) is not { } id) continue;
            Examined++;
            if (!(await runs.Read(id, cancel)).IsMissing || (await store.Head(mark.Key, cancel)).Now - mark.Modified <= AbandonedAfter) continue;
            yield return new(mark.Key, FindingKind.Stray, $"there is no run {id}", "nothing: it is removed within a minute while the platform runs");
        }
    }

    /// <summary>Marks are no records: their names say all, and a folder or a link of such a name says it to nobody.</summary>
    private async IAsyncEnumerable<Finding> InPlaceOfMarks([EnumeratorCancellation] CancellationToken cancel)
    {
        (string Prefix, Func<string, bool> IsOne)[] kinds =
        [
            (WorkspacePaths.Active, key => WorkspacePaths.ActiveRunIdOf(key) is not null),
            (WorkspacePaths.GivenNumbers, key => WorkspacePaths.GivenNumberOf(key) is not null),
            (WorkspacePaths.GivenVersions, key => WorkspacePaths.GivenVersionOf(key) is not null),
            (WorkspacePaths.AnnouncedFiles, key => WorkspacePaths.AnnouncedFilesPartOf(key) is not null),
        ];
        foreach (var (prefix, isOne) in kinds)
        {
            await foreach (var name in store.ListNames(prefix, cancel: cancel))
            {
                if (name.Object is not null || !isOne(name.Key) || !looked.Add(name.Key)) continue;
                yield return new(name.Key, FindingKind.Stray, $"{name.Obstacle}: a mark belongs there", ByHand);
            }
        }
    }

    private async IAsyncEnumerable<Finding> Keys([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var key in store.List(WorkspacePaths.Keys, cancel: cancel))
        {
            if (await StrayKey(key.Key, cancel) is { } run)
            {
                yield return new(key.Key, FindingKind.Stray, $"it stands for run {run}, which is not there",
                    "nothing needs to be done; it can be moved away", CanMove: true);
            }
        }
    }

    /// <summary>The run that the key stands for although it is not there.</summary>
    private async Task<string?> StrayKey(string key, CancellationToken cancel)
    {
        if (key.EndsWith(WorkspacePaths.DeletedSuffix, StringComparison.Ordinal) || (await store.Read<KeyRecord>(key, cancel)).Found is not { } read)
        {
            return null;
        }

        return read.Now - read.Object.Modified > AbandonedAfter && (await runs.Read(read.Record.Run, cancel)).IsMissing ? read.Record.Run : null;
    }
}
