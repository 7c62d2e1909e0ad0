using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Versions;

/// <summary>
/// What a version is of: the spec as submitted with code, command, inputs and checkpoint resolved. Its hash decides whether a commit made a new
/// version. Not in it: what labels or places one submission
/// (tags, fresh, commit, how the zip was packed, ETags).
/// </summary>
public sealed record ExperimentDefinition
{
    /// <summary>Tree hash of the code.</summary>
    public required string Tree { get; init; }
    public required string Command { get; init; }
    public string? Setup { get; init; }
    public required string Machine { get; init; }
    public required IReadOnlyList<long> Seeds { get; init; }
    public required IReadOnlyDictionary<string, string> Env { get; init; }
    public string? Image { get; init; }
    public required IReadOnlyDictionary<string, JsonElement> Params { get; init; }

    /// <summary>Path → SHA-256.</summary>
    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>Name → hash of the version; null when there are none, as in versions from before there were datasets.</summary>
    public IReadOnlyDictionary<string, string>? Datasets { get; init; }

    /// <summary>Run, and hash of the checkpoint's content.</summary>
    public DefinitionFrom? From { get; init; }
    public required int Nodes { get; init; }
    public required Retries Retries { get; init; }
    public TimeSpan? Timeout { get; init; }
    public required TimeSpan Grace { get; init; }

    /// <summary>Null when nothing was said about them, so that versions from before one could are what they were.</summary>
    public CheckpointRetention? Checkpoints { get; init; }
    public required IReadOnlyDictionary<string, string> Checks { get; init; }

    public string Hash() => CanonicalJson.Hash("serverless-version-1", this);

    public static ExperimentDefinition Of(ExperimentSpec spec, RunSpec first) => new()
    {
        Tree = first.Code.Tree,
        Command = first.Command,
        Setup = first.Setup,
        Machine = first.Machine,
        Seeds = spec.Seeds,
        Env = Sorted(spec.Env),
        Image = first.Image,
        Params = Sorted(first.Params),
        Inputs = Sorted(first.Inputs.ToDictionary(input => input.Path, input => input.Sha256)),
        Datasets = first.Datasets.Count == 0 ? null : Sorted(first.Datasets.ToDictionary(dataset => dataset.Name, dataset => dataset.Sha256)),
        From = first.From is { } from ? new(from.Run, from.Step, from.Content ?? from.Manifest) : null,
        Nodes = first.Nodes,
        Retries = first.Retries,
        Timeout = first.Timeout,
        Grace = first.Grace,
        Checkpoints = first.Checkpoints == new CheckpointRetention() ? null : first.Checkpoints,
        Checks = Sorted(spec.Checks),
    };

    private static SortedDictionary<string, T> Sorted<T>(IReadOnlyDictionary<string, T> all) => new(all.ToDictionary(), StringComparer.Ordinal);
}

public sealed record DefinitionFrom(string Run, long Step, string Content);
