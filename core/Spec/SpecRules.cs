using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Spec;

/// <summary>What a spec may say, whoever made it: names, sizes, ranges. Pure.</summary>
public static partial class SpecRules
{
    /// <summary>Runs of one submission.</summary>
    public const int MaxSeeds = 256;
    public const int MaxParams = 256;
    public const int MaxEnv = 128;
    public const int MaxInputs = 256;
    public const int MaxTags = 20;
    public const int MaxChecks = 100;
    public const int MaxListItems = 1000;

    /// <summary>Of one parameter or variable; the code gets them in its environment, where one entry has limits of its own.</summary>
    public const int MaxValueBytes = 32 * 1024;

    /// <summary>Of all parameters together, and of all variables: they are in the run's record, which every heartbeat writes.</summary>
    public const int MaxTotalBytes = 64 * 1024;
    public const int MaxCommandBytes = 16 * 1024;

    public static TimeSpan MaxGrace { get; } = TimeSpan.FromHours(1);

    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    public static ProblemList Problems(ExperimentSpec spec)
    {
        var problems = new ProblemList();
        Say("project", NameProblem(spec.Project));
        Say("name", NameProblem(spec.Name));
        Command("command", spec.Command);
        if (spec.Setup is { } setup) Command("setup", setup);
        Code(spec.Code);
        if (!MachineClass().IsMatch(spec.Machine)) Say("machine", $"'{spec.Machine}' is not a machine class: a–z, 0–9 and '-', at most 40 characters");
        Seeds(spec.Seeds);
        Env(spec.Env);
        Params(spec.Params);
        Inputs(spec.Inputs);
        if (spec.From is { } from)
        {
            if (!RunId().IsMatch(from.Run)) Say("from.run", $"'{from.Run}' is not a run id: 26 characters of 0–9 and A–Z");
            if (CheckpointChoice.Parse(from.Checkpoint) is null) Say("from.checkpoint", $"'{from.Checkpoint}' is not a checkpoint; write {CheckpointChoice.Wanted}");
        }

        if (spec.Secrets.Count > 0) Say("secrets", "not supported by this version; give the worker's own environment what the code must not see in the workspace");
        if (spec.Image is not null) Say("image", "not supported by this version; install what the code needs with setup");
        if (spec.Nodes != 1) Say("nodes", "several nodes are not supported by this version; leave it at 1");
        if (spec.RetriesLost is < 0 or > 1000) Say("retries.lost", $"{spec.RetriesLost} is out of range: 0 to 1000");
        if (spec.RetriesFailed is < 0 or > 100) Say("retries.failed", $"{spec.RetriesFailed} is out of range: 0 to 100");
        if (spec.Timeout <= TimeSpan.Zero) Say("timeout", "must be longer than nothing; leave it out for no limit");
        if (spec.Grace < TimeSpan.Zero || spec.Grace > MaxGrace) Say("grace", "must be between 0s and 1h");
        if (spec.Checkpoints.Keep is < 1 or > 1000) Say("checkpoints.keep", $"{spec.Checkpoints.Keep} is out of range: 1 to 1000; every: 1 keeps all");
        if (spec.Checkpoints.Every < 0) Say("checkpoints.every", $"{spec.Checkpoints.Every} is negative; wanted a number of steps, or 0 for none");
        if (spec.Checkpoints.Best is { } best && MetricProblem(best.Metric) is { } unnamed) Say("checkpoints.best.metric", unnamed);
        Checks(spec.Checks);
        if (spec.Tags.Count > MaxTags) Say("tags", $"{spec.Tags.Count} tags, at most {MaxTags}");
        for (var i = 0; i < spec.Tags.Count; i++) Say(SpecPath.Item("tags", i), TagProblem(spec.Tags[i]));
        return problems;

        void Say(string path, string? what)
        {
            if (what is not null) problems.Add(new(path, what));
        }

        void Command(string path, string command)
        {
            if (string.IsNullOrWhiteSpace(command)) Say(path, "is empty");
            else if (Encoding.UTF8.GetByteCount(command) > MaxCommandBytes) Say(path, $"is longer than {MaxCommandBytes / 1024} KiB; put it into a script");
            else if (command.Contains('\0', StringComparison.Ordinal)) Say(path, "has a NUL character");
            else Say(path, path == "command" ? EntryPoint.Problem(command) : null);
        }

        void Code(CodeSource code)
        {
            if (code.Snapshot is null && string.IsNullOrWhiteSpace(code.Path)) Say("code", "give a snapshot, or the path of a folder or file");
            if (code.Snapshot is { } snapshot && !Sha256().IsMatch(snapshot)) Say("code.snapshot", "is not a SHA-256: 64 hexadecimal characters, lower case");
            if (code.Commit is { } commit && !CommitId().IsMatch(commit)) Say("code.commit", "is not a commit id: 7 to 64 hexadecimal characters, lower case");
            if (code.Include is not { } include) return;
            if (include.Count is 0 or > 100) Say("code.include", $"{include.Count} patterns; give 1 to 100, or leave it out for all files");
            for (var i = 0; i < include.Count; i++)
            {
                if (string.IsNullOrWhiteSpace(include[i])) Say(SpecPath.Item("code.include", i), "is empty");
                else if (include[i].Length > 500) Say(SpecPath.Item("code.include", i), "is longer than 500 characters");
            }
        }

        void Seeds(IReadOnlyList<long> seeds)
        {
            if (seeds.Count == 0) Say("seed", "the list is empty; leave it out for seed 0");
            if (seeds.Count > MaxSeeds) Say("seed", $"{seeds.Count} seeds, at most {MaxSeeds}: one run each");
            var seen = new HashSet<long>();
            for (var i = 0; i < seeds.Count; i++)
            {
                var path = seeds.Count == 1 ? "seed" : SpecPath.Item("seed", i);
                if (seeds[i] < 0) Say(path, $"{seeds[i]} is negative; wanted a whole number from 0");
                if (!seen.Add(seeds[i])) Say(path, $"{seeds[i]} is there twice");
            }
        }

        void Env(IReadOnlyDictionary<string, string> env)
        {
            if (env.Count > MaxEnv) Say("env", $"{env.Count} variables, at most {MaxEnv}");
            foreach (var (name, value) in env)
            {
                var path = SpecPath.Field("env", name);
                if (!EnvName().IsMatch(name)) Say(path, "is not a variable's name: letters, digits and '_', not a digit first, at most 128 characters");
                else if (name.StartsWith("EXP_", StringComparison.OrdinalIgnoreCase)) Say(path, "names beginning with EXP_ are the platform's own; take another");
                if (value.Contains('\0', StringComparison.Ordinal)) Say(path, "has a NUL character");
                else if (Encoding.UTF8.GetByteCount(value) > MaxValueBytes) Say(path, $"is longer than {MaxValueBytes / 1024} KiB; put it into a file under inputs");
            }

            var total = env.Sum(pair => (long)Encoding.UTF8.GetByteCount(pair.Value));
            if (total > MaxTotalBytes) Say("env", $"is more than {MaxTotalBytes / 1024} KiB together; put it into files under inputs");
        }

        void Params(IReadOnlyDictionary<string, JsonElement> values)
        {
            if (values.Count > MaxParams) Say("params", $"{values.Count} parameters, at most {MaxParams}");
            var total = 0L;
            var variables = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var (name, value) in values)
            {
                var path = SpecPath.Field("params", name);
                if (!ParamName().IsMatch(name)) Say(path, "is not a parameter's name: letters, digits, '_', '.' and '-', a letter or '_' first, at most 128 characters");
                else if (!variables.TryAdd(ParamVariable(name), name))
                {
                    Say(path, $"and params.{variables[ParamVariable(name)]} are the same variable, {ParamVariable(name)}; rename one");
                }

                Value(path, value, inList: false);
                var bytes = Encoding.UTF8.GetByteCount(value.GetRawText());
                total += bytes;
                if (bytes > MaxValueBytes) Say(path, $"is longer than {MaxValueBytes / 1024} KiB; put it into a file under inputs");
            }

            if (total > MaxTotalBytes) Say("params", $"are more than {MaxTotalBytes / 1024} KiB together; put them into files under inputs");
        }

        void Value(string path, JsonElement value, bool inList)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.Array when !inList:
                    if (value.GetArrayLength() > MaxListItems) Say(path, $"{value.GetArrayLength()} values, at most {MaxListItems}; put them into a file under inputs");
                    var i = 0;
                    foreach (var item in value.EnumerateArray()) Value(SpecPath.Item(path, i++), item, inList: true);
                    break;
                case JsonValueKind.Number:
                    if (CanonicalJson.Number(value.GetRawText()) is null) Say(path, "is not a number of 64 bits");
                    break;
                case JsonValueKind.String:
                    if (value.GetString()!.Contains('\0', StringComparison.Ordinal)) Say(path, "has a NUL character");
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    break;
                default:
                    Say(path, "wanted a number, text, true or false" + (inList ? "" : ", or a list of them"));
                    break;
            }
        }

        void Inputs(IReadOnlyList<string> inputs)
        {
            if (inputs.Count > MaxInputs) Say("inputs", $"{inputs.Count} paths, at most {MaxInputs}; name a folder ('data/digits/') instead of its files");
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 0; i < inputs.Count; i++)
            {
                Say(SpecPath.Item("inputs", i), InputProblem(inputs[i]) ?? (seen.Add(inputs[i]) ? null : $"'{inputs[i]}' is there twice"));
            }
        }

        void Checks(IReadOnlyDictionary<string, string> checks)
        {
            if (checks.Count > MaxChecks) Say("checks", $"{checks.Count} checks, at most {MaxChecks}");
            foreach (var (metric, range) in checks)
            {
                var path = SpecPath.Field("checks", metric);
                Say(path, MetricProblem(metric));
                if (CheckRange.Parse(range) is not null) continue;
                Say(path, range.Contains("base", StringComparison.OrdinalIgnoreCase)
                    ? $"'{range}': checks against another commit are not supported by this version; write the numbers: 0.95.. for at least, ..0.1 for at most, or 0.4..0.6"
                    : $"'{range}' is not a range; write 0.95.. for at least, ..0.1 for at most, or 0.4..0.6");
            }
        }
    }

    private static string? InputProblem(string input)
    {
        if (input.StartsWith(RunInput.Prefix, StringComparison.Ordinal)) return RunInput.Parse(input) is null ? $"'{input}' is not an artifact of a run; write {RunInput.Wanted}" : null;
        if (input.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal)) return ObjectKey.Problem(input.EndsWith('/') ? input[..^1] : input) is { } what ? $"'{input}': {what}" : null;
        return DatasetReference.Parse(input) is null
            ? $"'{input}' is neither below data/ nor a version of a dataset; write a file or folder of the workspace, such as data/digits/, or {DatasetReference.Wanted}, or {RunInput.Wanted}"
            : null;
    }

    private static string? MetricProblem(string metric) => metric.Length is 0 or > 256 || metric.Any(char.IsControl) ? "is not a metric's name: 1 to 256 characters" : null;

    /// <summary>Of a project or an experiment; null when it is fine.</summary>
    public static string? NameProblem(string name) =>
        Name().IsMatch(name) ? null : $"'{name}' is not a name: a–z, 0–9, '-', '.' and '_', a letter or digit first, at most 63 characters";

    /// <summary>Null when it is fine.</summary>
    public static string? TagProblem(string tag) =>
        tag.Length is > 0 and <= 64 && !tag.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c == ',')
            ? null
            : $"'{tag}' is not a tag: 1 to 64 characters, no space and no comma";

    /// <summary>The environment variable that a parameter is also in: upper case, '_' for every character that a variable cannot have.</summary>
    public static string ParamVariable(string name) =>
        Serverless.Contract.ContractNames.ParamPrefix + string.Create(name.Length, name, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++) to[i] = char.IsAsciiLetterOrDigit(from[i]) ? char.ToUpperInvariant(from[i]) : '_';
        });

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9\-._]{0,62}\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9\-]{0,39}\z")]
    private static partial Regex MachineClass();

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_.\-]{0,127}\z")]
    private static partial Regex ParamName();

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_]{0,127}\z")]
    private static partial Regex EnvName();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Sha256();

    [GeneratedRegex(@"\A[0-9a-f]{7,64}\z")]
    private static partial Regex CommitId();

    [GeneratedRegex(@"\A[0-9A-Z]{26}\z")]
    private static partial Regex RunId();
}
