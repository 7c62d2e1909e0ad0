using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Versions;

/// <summary>
/// What a version is of: the spec as submitted with code, command, inputs and checkpoint resolved. Its hash decides whether a commit made a new
/// version. Not in it: what labels or places one submission
/// (tags, fresh, commit, how the zip was packed, ETags).
/// </summary>
public sealed record ExperimentDefinition : RunSettings
{
    public ExperimentDefinition() { }

    private ExperimentDefinition(RunSettings settings) : base(settings) { }

    /// <summary>Tree hash of the code.</summary>
    public required string Tree { get; init; }
    public required string Command { get; init; }
    public required IReadOnlyList<long> Seeds { get; init; }

    /// <summary>Path → SHA-256.</summary>
    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>Name → hash of the version; null when there are none, as in versions from before there were datasets.</summary>
    public IReadOnlyDictionary<string, string>? Datasets { get; init; }

    /// <summary>Run, and hash of the checkpoint's content.</summary>
    public DefinitionFrom? From { get; init; }

    public string Hash()
    {
        var hashed = JsonSerializer.SerializeToNode(this, CoreJson.Options)!.AsObject();
        foreach (var field in Fields.Of(typeof(RunSettings)).Where(field => Fields.Hashed(field, this) is null)) hashed.Remove(field.Name);
        return CanonicalJson.Hash<JsonNode>("serverless-version-1", hashed);
    }

    public static ExperimentDefinition Of(ExperimentSpec spec, RunSpec first) => new(first)
    {
        Tree = first.Code.Tree,
        Command = first.Command,
        Seeds = spec.Seeds,
        Inputs = Sorted(first.Inputs.ToDictionary(input => input.Path, input => input.Sha256)),
        Datasets = first.Datasets.Count == 0 ? null : Sorted(first.Datasets.ToDictionary(dataset => dataset.Name, dataset => dataset.Sha256)),
        From = first.From is { } from ? new(from.Run, from.Step, from.Content ?? from.Manifest) : null,
    };

    private static SortedDictionary<string, T> Sorted<T>(IReadOnlyDictionary<string, T> all) => new(all.ToDictionary(), StringComparer.Ordinal);
}

public sealed record DefinitionFrom(string Run, long Step, string Content);
