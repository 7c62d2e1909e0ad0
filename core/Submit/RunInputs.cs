using Serverless.Core.Outputs;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary>Finds the artifacts of other runs that an experiment takes as inputs.</summary>
internal static class RunInputs
{
    /// <param name="inputs">With their places in the spec.</param>
    public static async Task<IReadOnlyList<InputRef>> Resolve(
        IObjectStore store, IEnumerable<(int Index, string Input)> inputs, ProblemList problems, CancellationToken cancel)
    {
        var found = new List<InputRef>();
        foreach (var (index, input) in inputs)
        {
            var parsed = RunInput.Parse(input) ?? throw new ArgumentException($"unchecked spec: input {input}", nameof(inputs));
            var (artifact, problem) = await Find(parsed, store, cancel);
            if (artifact is null) problems.Add(new(SpecPath.Item("inputs", index), problem!));
            else found.Add(artifact);
        }

        return found;
    }

    /// <summary>Artifacts share a folder below EXP_INPUTS with whatever else is called so.</summary>
    public static string? Clash(IReadOnlyList<InputRef> files, IReadOnlyList<DatasetRef> datasets)
    {
        var artifacts = files.Where(file => file.Key is not null).ToList();
        if (artifacts.Count > 0 && datasets.Any(dataset => dataset.Name == RunInput.Folder))
        {
            return $"a dataset is called {RunInput.Folder}, as the folder of other runs' artifacts below EXP_INPUTS is; name one of the two";
        }

        return artifacts.FirstOrDefault(
            artifact => files.Count(file => file.Path == artifact.Path || file.Path == WorkspacePaths.Data + artifact.Path) > 1) is { } twice
            ? $"two inputs would both be {twice.Path} below EXP_INPUTS; put one of them under another name below data/"
            : null;
    }

    private static async Task<(InputRef? Found, string? Problem)> Find(RunInput input, IObjectStore store, CancellationToken cancel)
    {
        if (await new RunStore(store).Load(input.Run, cancel) is not { Run: var run }) return (null, $"there is no run {input.Run}");
        if (run.Outputs is null)
        {
            return (null,
                run.State.IsTerminal ? $"run {input.Run} left no artifacts" : $"run {input.Run} has not ended; its artifacts are inputs once it has");
        }

        var all = (await new RunOutputs(store).Artifacts(run, cancel)).Artifacts;
        if (all.FirstOrDefault(file => file.Path == input.Path) is not { } artifact)
        {
            return (null, $"run {input.Run} left no artifact '{input.Path}'{Suggestion.Clause(input.Path, all.Select(file => file.Path))}");
        }

        return (await store.Head(artifact.Key, cancel)).Value is { } stored
            ? (new($"{RunInput.Folder}/{input.Path}", stored.ETag, artifact.Sha256, stored.LengthBytes, input.Run, artifact.Key), null)
            : (null, $"the artifact '{input.Path}' of run {input.Run} has been deleted");
    }
}
