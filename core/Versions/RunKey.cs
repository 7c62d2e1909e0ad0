using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Versions;

/// <summary>
/// The run key: equal exactly when two runs would compute the same. It is <c>k1-</c> and the <see cref="CanonicalJson"/> hash, under the scheme
/// <c>serverless-run-key-1</c>, of tree hash, command,
/// set-up, parameters, inputs (path and content), datasets (name and content), environment, image, seed, machine class, nodes, and the checkpoint that it starts from. Not in it:
/// the zip's own hash, the commit, retries, timeout, grace, which checkpoints stay,
/// ETags. A change of what is hashed takes the next number, so that keys of two schemes never meet.
/// </summary>
public static class RunKey
{
    public static string Of(RunSpec spec) => "k1-" + CanonicalJson.Hash("serverless-run-key-1", new Content(
        spec.Code.Tree,
        spec.Command,
        spec.Setup,
        spec.Params,
        [.. spec.Inputs.OrderBy(input => input.Path, StringComparer.Ordinal).Select(input => new Input(input.Path, input.Sha256))],
        spec.Env,
        spec.Image,
        spec.Seed,
        spec.Machine,
        spec.Nodes,
        spec.From is { } from ? new From(from.Run, from.Content ?? from.Manifest) : null)
    {
        // Absent where there are none, so that keys from before there were datasets are what they were.
        Datasets = spec.Datasets.Count == 0 ? null : [.. spec.Datasets.OrderBy(dataset => dataset.Name, StringComparer.Ordinal).Select(dataset => new Dataset(dataset.Name, dataset.Sha256))],
    });

    private sealed record Content(
        string Tree, string Command, string? Setup, IReadOnlyDictionary<string, JsonElement> Params, IReadOnlyList<Input> Inputs, IReadOnlyDictionary<string, string> Env,
        string? Image, long Seed, string Machine, int Nodes, From? From)
    {
        public IReadOnlyList<Dataset>? Datasets { get; init; }
    }

    private sealed record Input(string Path, string Sha256);

    private sealed record Dataset(string Name, string Sha256);

    private sealed record From(string Run, string Content);
}
