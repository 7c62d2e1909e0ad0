using System.Collections.Concurrent;
using Serverless.Core.Code;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Versions;

/// <summary>One state of an experiment's definition: <c>projects/{project}/{experiment}/v{n}.json</c>. Never changed.</summary>
/// <param name="Code">The snapshot, and the commit, that this definition first came with.</param>
public sealed record ExperimentVersion(int Number, string Hash, ExperimentDefinition Definition, CodeRef Code, DateTimeOffset Created, string? By);

/// <summary>
/// The versions of a workspace's experiments. Numbers are given by put-if-absent; <see cref="VersionNumbers"/> says how two who submit at once get
/// one number for one definition. Before a number is told it is noted apart from its record, so that it stays taken when the record is lost.
/// </summary>
public sealed class VersionStore(IObjectStore store)
{
    private const int ReadingDegree = 8;
    private readonly ConcurrentDictionary<string, VersionNumbers> experiments = new(StringComparer.Ordinal);

    /// <summary>The number of a definition; a new one when none has it.</summary>
    public async Task<int> Register(
        string project, string experiment, ExperimentDefinition definition, CodeRef code, string? by, CancellationToken cancel = default)
    {
        var hash = definition.Hash();
        var numbers = experiments.GetOrAdd(WorkspacePaths.VersionsOf(project, experiment), _ => new());
        while (true)
        {
            var (answer, wait, number) = numbers.Next(hash);
            if (answer is { } known) return known;
            if (wait is not null)
            {
                await wait.WaitAsync(cancel);
                continue;
            }

            try
            {
                var key = WorkspacePaths.Version(project, experiment, number);
                var (taken, now) = await store.Head(key, cancel);
                var version = new ExperimentVersion(number, hash, definition, code, now, by);
                var isLost = taken is null && (await store.Head(WorkspacePaths.GivenVersion(project, experiment, number), cancel)).Value is not null;
                if (taken is null && !isLost && (await store.PutJson(key, version, PutCondition.IfAbsent, cancel: cancel)).Stored)
                {
                    await Give(project, experiment, number, cancel);
                    numbers.Learn(InfoOf(version));
                }
                else await Refresh(project, experiment, numbers, cancel);
            }
            finally
            {
                numbers.Settle(hash, number);
            }
        }
    }

    /// <summary>Newest first. Lost ones count as damaged.</summary>
    public async Task<RecordList<VersionInfo>> List(string project, string experiment, CancellationToken cancel = default)
    {
        var path = WorkspacePaths.VersionsOf(project, experiment);
        var numbers = experiments.GetValueOrDefault(path) ?? new();
        await Refresh(project, experiment, numbers, cancel);
        var damaged = new List<DamagedRecord>();
        foreach (var number in numbers.Unread.Reverse())
        {
            // It may have been put back.
            var key = WorkspacePaths.Version(project, experiment, number);
            var read = await Read(key, number, cancel);
            if (read.Found is { Record: var version }) numbers.Learn(InfoOf(version));
            else damaged.Add(read.Damage ?? new(key, "it is missing"));
        }

        // Only what exists is remembered, or asking for names would fill the memory.
        var versions = numbers.All;
        if (versions.Count > 0) experiments.TryAdd(path, numbers);
        return new([.. versions.Reverse()], damaged);
    }

    public Task<ExperimentVersion?> Get(string project, string experiment, int number, CancellationToken cancel = default) =>
        store.Find<ExperimentVersion>(WorkspacePaths.Version(project, experiment, number), cancel);

    /// <summary>Null when one of the two does not exist.</summary>
    public async Task<VersionDiff?> Diff(string project, string experiment, int from, int to, CancellationToken cancel = default)
    {
        if (await Get(project, experiment, from, cancel) is not { } before || await Get(project, experiment, to, cancel) is not { } after)
        {
            return null;
        }

        var code = new CodeStore(store);
        var files = before.Definition.Tree == after.Definition.Tree
            ? []
            : VersionDiff.FilesBetween(await code.Facts(before.Code.Snapshot, cancel), await code.Facts(after.Code.Snapshot, cancel));
        return VersionDiff.Between(before, after, files);
    }

    private static VersionInfo InfoOf(ExperimentVersion version) =>
        new(version.Number, version.Hash, version.Definition.Tree, version.Code.Commit, version.Created, version.By);

    private Task Give(string project, string experiment, int number, CancellationToken cancel) =>
        store.Put(WorkspacePaths.GivenVersion(project, experiment, number), [], PutCondition.IfAbsent, cancel: cancel);

    private async Task<RecordReading<ExperimentVersion>> Read(string key, int number, CancellationToken cancel)
    {
        var read = await store.Read<ExperimentVersion>(key, cancel);
        return read.Found is { Record.Number: var said } && said != number ? new(null, new(key, $"it is of version {said}")) : read;
    }

    private async Task Refresh(string project, string experiment, VersionNumbers numbers, CancellationToken cancel)
    {
        // Notes first: what they name had its record by then, so that one which is missing now was lost.
        var through = numbers.Through;
        var (given, lost) = (new HashSet<int>(), new HashSet<int>());
        await foreach (var note in store.List(WorkspacePaths.GivenVersionsOf(project, experiment),
            through == 0 ? null : WorkspacePaths.GivenVersion(project, experiment, through), cancel))
        {
            if (WorkspacePaths.GivenVersionOf(note.Key) is (_, _, var number) && given.Add(number) && !numbers.Knows(number)) lost.Add(number);
        }

        var unread = new List<(string Key, int Number)>();
        var after = through == 0 ? null : WorkspacePaths.Version(project, experiment, through);
        await foreach (var version in store.ListNames(WorkspacePaths.VersionsOf(project, experiment) + "v", after, cancel))
        {
            if (WorkspacePaths.VersionNumberOf(version.Key) is not { } number) continue;
            lost.Remove(number);
            if (!numbers.Knows(number)) unread.Add((version.Key, number));
        }

        await Parallel.ForEachAsync(
            unread, new ParallelOptions { MaxDegreeOfParallelism = ReadingDegree, CancellationToken = cancel }, async (version, stop) =>
        {
            var read = await Read(version.Key, version.Number, stop);

            // Whoever wrote it may have died before it noted the number.
            if (!read.IsMissing && !given.Contains(version.Number)) await Give(project, experiment, version.Number, stop);
            if (read.Found is { } found) numbers.Learn(InfoOf(found.Record));
            else if (!read.IsMissing) numbers.LearnTaken(version.Number);
        });
        foreach (var number in lost) numbers.LearnTaken(number);
    }
}
