using Serverless.Core.Results;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary>An input that is another run's artifact: <c>run:01ABC…/artifacts/weights.safetensors</c>, which is <c>artifacts/weights.safetensors</c> below EXP_INPUTS.</summary>
/// <param name="Path">Of the artifact, as the run wrote it below <c>artifacts/</c>.</param>
public sealed record RunInput(string Run, string Path)
{
    public const string Prefix = "run:";

    /// <summary>What to write, for messages.</summary>
    public const string Wanted = "run:RUN-ID/artifacts/PATH";

    private const string Folder = "artifacts";
    private const int RunIdLength = 26;

    /// <summary>Null: the text is something else.</summary>
    public static RunInput? Parse(string input)
    {
        if (input.Split('/', 3) is not [var named, Folder, { Length: > 0 } path] || !named.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var run = named[Prefix.Length..];
        return run.Length == RunIdLength && run.All(c => char.IsAsciiDigit(c) || char.IsAsciiLetterUpper(c)) && ObjectKey.Problem(path) is null ? new(run, path) : null;
    }

    public override string ToString() => $"{Prefix}{Run}/{Folder}/{Path}";

    /// <param name="inputs">With their places in the spec.</param>
    internal static async Task<IReadOnlyList<InputRef>> Resolve(IObjectStore store, IEnumerable<(int Index, string Input)> inputs, ProblemList problems, CancellationToken cancel)
    {
        var found = new List<InputRef>();
        foreach (var (index, input) in inputs)
        {
            var parsed = Parse(input) ?? throw new ArgumentException($"unchecked spec: input {input}", nameof(inputs));
            var (artifact, problem) = await parsed.Find(store, cancel);
            if (artifact is null) problems.Add(new(SpecPath.Item("inputs", index), problem!));
            else found.Add(artifact);
        }

        return found;
    }

    /// <summary>Artifacts share a folder below EXP_INPUTS with whatever else is called so.</summary>
    internal static string? Clash(IReadOnlyList<InputRef> files, IReadOnlyList<DatasetRef> datasets)
    {
        var artifacts = files.Where(file => file.Key is not null).ToList();
        if (artifacts.Count > 0 && datasets.Any(dataset => dataset.Name == Folder)) return $"a dataset is called {Folder}, as the folder of other runs' artifacts below EXP_INPUTS is; name one of the two";
        return artifacts.FirstOrDefault(artifact => files.Count(file => file.Path == artifact.Path || file.Path == WorkspacePaths.Data + artifact.Path) > 1) is { } twice
            ? $"two inputs would both be {twice.Path} below EXP_INPUTS; put one of them under another name below data/"
            : null;
    }

    private async Task<(InputRef? Found, string? Problem)> Find(IObjectStore store, CancellationToken cancel)
    {
        if (await new RunStore(store).Load(Run, cancel) is not { Run: var run }) return (null, $"there is no run {Run}");
        if (run.Outputs is null) return (null, run.State.IsTerminal ? $"run {Run} left no artifacts" : $"run {Run} has not ended; its artifacts are inputs once it has");
        var all = (await new RunOutputs(store).Artifacts(run, cancel)).Artifacts;
        if (all.FirstOrDefault(file => file.Path == Path) is not { } artifact) return (null, $"run {Run} left no artifact '{Path}'{Suggestion.Clause(Path, all.Select(file => file.Path))}");
        return (await store.Head(artifact.Key, cancel)).Value is { } stored
            ? (new($"{Folder}/{Path}", stored.ETag, artifact.Sha256, stored.LengthBytes, Run, artifact.Key), null)
            : (null, $"the artifact '{Path}' of run {Run} has been deleted");
    }
}
