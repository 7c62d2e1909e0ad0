using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Spec;

/// <summary>What the spec in a run's record may say: the same as what is sent, and what submission makes of names.</summary>
public static class ResolvedSpecRules
{
    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    public static ProblemList Problems(RunRecord run)
    {
        var (spec, problems) = (run.Spec, SpecRules.Problems(AsSent(run)));
        if (run.Version < 1) Say("version", $"{run.Version} is out of range: from 1 on");
        for (var i = 0; i < spec.Inputs.Count; i++) Say(SpecPath.Item("inputs", i), Problem(spec.Inputs[i]));
        for (var i = 0; i < spec.Datasets.Count; i++) Say(SpecPath.Item("datasets", i), Problem(spec.Datasets[i]));
        if (spec.From is { } from && (ObjectKey.Problem(from.Manifest) is not null || from.Step < 0))
        {
            Say("from", $"'{from.Manifest}', step {from.Step}, is not a checkpoint");
        }

        return problems;

        void Say(string path, string? what)
        {
            if (what is not null) problems.Add(new(path, what));
        }
    }

    /// <summary>The run as an experiment of one seed, without its inputs, which are names no more.</summary>
    public static ExperimentSpec AsSent(RunRecord run) => new(run.Spec)
    {
        Project = run.Project,
        Name = run.Experiment,
        Code = new(run.Spec.Code.Snapshot, Commit: run.Spec.Code.Commit),
        Command = run.Spec.Command,
        Seeds = [run.Spec.Seed],
        From = run.Spec.From is { } from ? new(from.Run) : null,
        Tags = run.Tags,
    };

    private static string? Problem(InputRef input) =>
        ObjectKey.Problem(input.Path) is { } what ? $"'{input.Path}': {what}"
        : input.Key is { } key ? (ObjectKey.Problem(key) is null ? ContentProblem(input.Sha256, input.LengthBytes) : $"'{key}' is no artifact")
        : !input.Path.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal) ? $"'{input.Path}' is not below {WorkspacePaths.Data}"
        : ContentProblem(input.Sha256, input.LengthBytes);

    private static string? Problem(DatasetRef dataset) =>
        SpecRules.NameProblem(dataset.Name)
            ?? (dataset.Number < 1 ? $"'{dataset}' is not a version of a dataset" : ContentProblem(dataset.Sha256, dataset.LengthBytes));

    private static string? ContentProblem(string sha256, long lengthBytes) =>
        sha256.Length != 64 || !sha256.All(char.IsAsciiHexDigitLower) ? "its sha256 is not 64 hexadecimal characters, lower case"
        : lengthBytes < 0 ? $"its length, {lengthBytes} bytes, is negative"
        : null;
}
