using System.Globalization;
using Serverless.Core.Code;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Versions;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary>Spec → what its first run executes: every name looked up in the workspace. Whatever is missing or does not fit is said at once.</summary>
internal sealed class Resolver(IObjectStore store, CodeStore code, VersionStore versions, DatasetCatalog catalog, SubmissionOptions options)
{
    private readonly RunStore runs = new(store);
    private readonly InputFiles inputs = new(store, options);
    private readonly DatasetInputs datasetInputs = new(catalog);

    /// <returns>The spec of the run of the first seed; null when there are problems.</returns>
    public async Task<RunSpec?> Resolve(ExperimentSpec spec, ProblemList problems, CancellationToken cancel)
    {
        if (MachineProblem(spec.Machine) is { } unknown) problems.Add(unknown);
        var (source, command) = await Code(spec, problems, cancel);
        var from = await From(spec.From, problems, cancel);
        var ofRuns = spec.Inputs.Index().ToLookup(input => input.Item.StartsWith(RunInput.Prefix, StringComparison.Ordinal));
        var places = ofRuns[false].ToLookup(input => input.Item.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal));
        var datasets = await datasetInputs.Resolve(places[false], problems, cancel);
        var left = await RunInputs.Resolve(store, ofRuns[true], problems, cancel);
        var otherBytes = datasets.Sum(dataset => dataset.LengthBytes) + left.Sum(file => file.LengthBytes);
        IReadOnlyList<InputRef> files = [.. await inputs.Resolve(places[true], spec.Machine, otherBytes, problems, cancel), .. left];
        if (RunInputs.Clash(files, datasets) is { } both) problems.Add(new("inputs", both));
        problems.AddRange(
            datasets.Select(dataset => DatasetInputs.Problem(dataset, files)).OfType<string>().Select(clash => new Problem("inputs", clash)));
        if (problems.Count > 0) return null;
        return new(spec)
        {
            Code = source!,
            Command = command!,
            Seed = spec.Seeds[0],
            Params = spec.Params.ToDictionary(param => param.Key, param => CanonicalJson.Of(param.Value) ?? param.Value),
            Inputs = files,
            Datasets = datasets,
            From = from,
            Checks = new SortedDictionary<string, string>(spec.Checks.ToDictionary(), StringComparer.Ordinal),
        };
    }

    /// <summary>As much as can be told before it is submitted: inputs and checkpoints may yet come.</summary>
    public async Task Check(ExperimentSpec spec, ProblemList problems, CancellationToken cancel)
    {
        if (MachineProblem(spec.Machine) is { } unknown) problems.Add(unknown);
        await Code(spec, problems, cancel);
    }

    public Problem? MachineProblem(string machine) => options.MachineClasses.Contains(machine)
        ? null
        : new("machine",
            $"there is no machine class '{machine}' here{Suggestion.Clause(machine, options.MachineClasses)}; known: " +
            $"{string.Join(", ", options.MachineClasses)}");

    private async Task<(CodeRef? Code, string? Command)> Code(ExperimentSpec spec, ProblemList problems, CancellationToken cancel)
    {
        if (spec.Code.Snapshot is not { } snapshot)
        {
            problems.Add(
                new("code", "give the snapshot of code that was uploaded; only the command line can turn a path of its own machine into one"));
            return default;
        }

        if (await code.Find(snapshot, cancel) is not { } facts)
        {
            problems.Add(new("code.snapshot", $"there is no snapshot {snapshot} in the workspace, or it is damaged; upload it first"));
            return default;
        }

        var (command, problem) = EntryPoint.Resolve(spec.Command, facts.Files.Select(file => file.Path).ToHashSet(StringComparer.Ordinal));
        if (problem is not null) problems.Add(new("command", problem));
        return (new(snapshot, facts.Tree, spec.Code.Commit), command);
    }

    private async Task<FromRef?> From(FromSource? from, ProblemList problems, CancellationToken cancel)
    {
        if (from is null) return null;
        if (await runs.Load(from.Run, cancel) is not { Run: var run })
        {
            problems.Add(new("from.run", $"there is no run {from.Run}"));
            return null;
        }

        var found = await Choose(from, run, problems, cancel);
        if (found is null || run.State.IsTerminal) return found?.Reference;

        // It goes on, and might forget the checkpoint before the new run has begun.
        await HeldCheckpoints.Hold(store, run.Id, found.Value.Checkpoint, cancel);
        if (await runs.Load(run.Id, cancel) is { Run: var now }
            && now.Checkpoints.Any(checkpoint => checkpoint.Manifest == found.Value.Checkpoint.Manifest))
        {
            return found.Value.Reference;
        }

        problems.Add(
            new("from.checkpoint", $"run {run.Id} goes on and has just given up its checkpoint of step {found.Value.Checkpoint.Step}; submit again"));
        return null;
    }

    private async Task<(FromRef Reference, CheckpointRef Checkpoint)?> Choose(
        FromSource from, RunRecord run, ProblemList problems, CancellationToken cancel)
    {
        var choice = CheckpointChoice.Parse(from.Checkpoint)
            ?? throw new ArgumentException($"unchecked spec: checkpoint {from.Checkpoint}", nameof(from));
        var checks = choice is CheckpointChoice.Best && await versions.Get(run.Project, run.Experiment, run.Version, cancel) is { } version
            ? version.Definition.Checks
            : new Dictionary<string, string>();
        var (checkpoint, problem) = choice.From(run, checks);
        if (checkpoint is null)
        {
            problems.Add(new("from.checkpoint", problem!));
            return null;
        }

        if (await store.Get(checkpoint.Manifest, cancel: cancel) is not { } manifest)
        {
            problems.Add(
                new("from.checkpoint",
                    string.Create(CultureInfo.InvariantCulture, $"the checkpoint of step {checkpoint.Step} of run {run.Id} has been deleted")));
            return null;
        }

        var content = CodeTree.Hash(
            manifest.Json<CheckpointManifest>().Files.Select(file => new CodeFileFact(file.Path, file.LengthBytes, file.Sha256)));
        return (new(run.Id, checkpoint.Manifest, checkpoint.Step, content), checkpoint);
    }
}
