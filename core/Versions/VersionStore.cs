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
/// one number for one definition.
/// </summary>
public sealed class VersionStore(IObjectStore store)
{
    private const int ReadingDegree = 8;
    private readonly ConcurrentDictionary<string, VersionNumbers> experiments = new(StringComparer.Ordinal);

    /// <summary>The number of a definition; a new one when none has it.</summary>
    public async Task<int> Register(string project, string experiment, ExperimentDefinition definition, CodeRef code, string? by, CancellationToken cancel = default)
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
                if (taken is null && (await store.PutJson(key, version, PutCondition.IfAbsent, cancel: cancel)).Stored) numbers.Learn(InfoOf(version));
                else await Refresh(project, experiment, numbers, cancel);
            }
            finally
            {
                numbers.Settle(hash, number);
            }
        }
    }

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<VersionInfo>> List(string project, string experiment, CancellationToken cancel = default)
    {
        var path = WorkspacePaths.VersionsOf(project, experiment);
        var numbers = experiments.GetValueOrDefault(path) ?? new();
        await Refresh(project, experiment, numbers, cancel);
        var versions = numbers.All;

        // Only what exists is remembered, or asking for names would fill the memory.
        if (versions.Count > 0) experiments.TryAdd(path, numbers);
        return [.. versions.Reverse()];
    }

    public async Task<ExperimentVersion?> Get(string project, string experiment, int number, CancellationToken cancel = default) =>
        (await store.Get(WorkspacePaths.Version(project, experiment, number), cancel: cancel))?.Json<ExperimentVersion>();

    /// <summary>Null when one of the two does not exist.</summary>
    public async Task<VersionDiff?> Diff(string project, string experiment, int from, int to, CancellationToken cancel = default)
    {
        if (await Get(project, experiment, from, cancel) is not { } before || await Get(project, experiment, to, cancel) is not { } after) return null;
        var code = new CodeStore(store);
        var files = before.Definition.Tree == after.Definition.Tree
            ? []
            : VersionDiff.FilesBetween(await code.Facts(before.Code.Snapshot, cancel), await code.Facts(after.Code.Snapshot, cancel));
        return VersionDiff.Between(before, after, files);
    }

    private static VersionInfo InfoOf(ExperimentVersion version) =>
        new(version.Number, version.Hash, version.Definition.Tree, version.Code.Commit, version.Created, version.By);

    private async Task Refresh(string project, string experiment, VersionNumbers numbers, CancellationToken cancel)
    {
        var through = numbers.Through;
        var after = through == 0 ? null : WorkspacePaths.Version(project, experiment, through);
        var unread = new List<(string Key, int Number)>();
        await foreach (var version in store.List(WorkspacePaths.VersionsOf(project, experiment) + "v", after, cancel))
        {
            if (WorkspacePaths.VersionNumberOf(version.Key) is { } number && !numbers.Knows(number)) unread.Add((version.Key, number));
        }

        await Parallel.ForEachAsync(unread, new ParallelOptions { MaxDegreeOfParallelism = ReadingDegree, CancellationToken = cancel }, async (version, stop) =>
        {
            var read = await store.Read<ExperimentVersion>(version.Key, stop);
            if (read.Found is { } found && found.Record.Number == version.Number) numbers.Learn(InfoOf(found.Record));
            else if (!read.IsMissing) numbers.LearnDamaged(version.Number);
        });
    }
}
