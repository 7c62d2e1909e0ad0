using System.Collections.Concurrent;
using System.Text.Json;
using Serverless.Core.Api;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary>One state of an experiment's definition: <c>projects/{project}/{experiment}/v{n}.json</c>. Never changed.</summary>
/// <param name="Code">The snapshot, and the commit, that this definition first came with.</param>
public sealed record ExperimentVersion(int Number, string Hash, ExperimentDefinition Definition, CodeRef Code, DateTimeOffset Created, string? By);

/// <summary>
/// The versions of a workspace's experiments. Numbers are given by put-if-absent of the next one, so two who submit at once get one number for one definition. What was read is remembered:
/// versions are only ever added, so as long as the next number is free, nothing was missed.
/// </summary>
public sealed class Versions(IObjectStore store)
{
    private const string Summary = "summary";
    private readonly ConcurrentDictionary<string, Known> experiments = new(StringComparer.Ordinal);

    /// <summary>The number of a definition; a new one when none has it.</summary>
    public async Task<int> Register(string project, string experiment, ExperimentDefinition definition, CodeRef code, string? by, CancellationToken cancel = default)
    {
        var hash = definition.Hash();
        var known = experiments.GetOrAdd(WorkspacePaths.VersionsOf(project, experiment), _ => new());
        if (known.Numbers.TryGetValue(hash, out var number)) return number;

        // One at a time here: those who submit the same experiment to this process would only collide in the store.
        await known.Turn.WaitAsync(cancel);
        try
        {
            if (!known.Listed) await Refresh(project, experiment, known, cancel);
            while (true)
            {
                if (known.Numbers.TryGetValue(hash, out number)) return number;
                var next = known.Last + 1;
                var key = WorkspacePaths.Version(project, experiment, next);
                var (taken, now) = await store.Head(key, cancel);
                if (taken is null)
                {
                    var version = new ExperimentVersion(next, hash, definition, code, now, by);
                    var metadata = new Dictionary<string, string> { [Summary] = JsonSerializer.Serialize(InfoOf(version), CoreJson.Options) };
                    if ((await store.PutJson(key, version, PutCondition.IfAbsent, metadata, cancel)).Stored)
                    {
                        known.Numbers[hash] = next;
                        known.Last = next;
                        return next;
                    }
                }

                await Refresh(project, experiment, known, cancel);
            }
        }
        finally
        {
            known.Turn.Release();
        }
    }

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<VersionInfo>> List(string project, string experiment, CancellationToken cancel = default)
    {
        var versions = await Since(project, experiment, 0, cancel);
        versions.Reverse();
        return versions;
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

    private static VersionInfo InfoOf(ExperimentVersion version) => new(version.Number, version.Hash, version.Definition.Tree, version.Code.Commit, version.Created, version.By);

    private async Task Refresh(string project, string experiment, Known known, CancellationToken cancel)
    {
        foreach (var version in await Since(project, experiment, known.Last, cancel))
        {
            known.Numbers.TryAdd(version.Hash, version.Number);
            known.Last = Math.Max(known.Last, version.Number);
        }

        known.Listed = true;
    }

    private async Task<List<VersionInfo>> Since(string project, string experiment, int number, CancellationToken cancel)
    {
        var found = new List<VersionInfo>();
        var after = number == 0 ? null : WorkspacePaths.Version(project, experiment, number);
        await foreach (var version in store.List(WorkspacePaths.VersionsOf(project, experiment) + "v", after, cancel))
        {
            if (WorkspacePaths.VersionNumberOf(version.Key) is null) continue;

            // A workspace that was restored by a plain copy has no metadata; the body says the same.
            var info = version.Metadata.TryGetValue(Summary, out var text)
                ? JsonSerializer.Deserialize<VersionInfo>(text, CoreJson.Options)
                : await store.Get(version.Key, cancel: cancel) is { } read ? InfoOf(read.Json<ExperimentVersion>()) : null;
            if (info is not null) found.Add(info);
        }

        return found;
    }

    private sealed class Known
    {
        public SemaphoreSlim Turn { get; } = new(1);
        public ConcurrentDictionary<string, int> Numbers { get; } = new(StringComparer.Ordinal);
        public int Last { get; set; }
        public bool Listed { get; set; }
    }
}
