using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>Turns the inputs of a spec that name datasets into versions.</summary>
internal sealed class DatasetInputs(DatasetCatalog catalog)
{
    /// <param name="inputs">With their places in the spec.</param>
    public async Task<IReadOnlyList<DatasetRef>> Resolve(
        IEnumerable<(int Index, string Input)> inputs, ProblemList problems, CancellationToken cancel)
    {
        var found = new SortedDictionary<string, DatasetRef>(StringComparer.Ordinal);
        foreach (var (index, input) in inputs)
        {
            var reference = DatasetReference.Parse(input) ?? throw new ArgumentException($"unchecked spec: input {input}", nameof(inputs));
            var (version, problem) = await catalog.Find(reference, cancel);
            var at = SpecPath.Item("inputs", index);
            if (version is null) problems.Add(new(at, problem!));
            else if (!found.TryAdd(version.Name,
                new(version.Name, version.Number, version.Sha256, version.Files, version.LengthBytes))) problems.Add(new(at, Twice(version.Name)));
        }

        return [.. found.Values];
    }

    /// <summary>A dataset and files of the workspace cannot be in one folder.</summary>
    public static string? Problem(DatasetRef dataset, IEnumerable<InputRef> files) =>
        files.FirstOrDefault(file => (file.Path + "/").StartsWith($"{WorkspacePaths.Data}{dataset.Name}/", StringComparison.Ordinal)) is { } file
            ? $"{dataset} and {file.Path} would both be {dataset.Name} below EXP_INPUTS; name one of the two"
            : null;

    private static string Twice(string name) =>
        $"dataset '{name}' is there twice, and both versions would be in the folder {name} below EXP_INPUTS; name one";
}
