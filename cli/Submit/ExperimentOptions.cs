using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Serverless.Cli.Client;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Cli.Submit;

/// <summary>What <c>exp run</c> and <c>exp submit</c> can change about an experiment.</summary>
sealed class ExperimentOptions
{
    private readonly Option<string[]> parameters = new("--param", "-p")
    {
        Description = "A parameter; repeat for more; optimizer.lr=0.1 sets it in its map. Numbers, true, false, [1, 2] keep their type, all else is "
            + "text; 007 needs quotes: '\"007\"'",
        HelpName = "K=V",
    };
    private readonly Option<long[]> seeds = new("--seed") { Description = "Seed; repeat for one run each", HelpName = "N" };
    private readonly Option<string?> machine = new("--machine", "-m") { Description = "Machine class [cpu]", HelpName = "CLASS" };
    private readonly Option<string?> name = new("--name")
    {
        Description = "Name of the experiment [that of experiment.yaml, else the file's or folder's]", HelpName = "NAME",
    };
    private readonly Option<string?> project = new("--project")
    {
        Description = "Project [that of experiment.yaml, else the git repository's name or the folder's]", HelpName = "NAME",
    };
    private readonly Option<string[]> inputs = new("--input", "-i")
    {
        Description = "An input of the code: a file or folder/ of the workspace, or a dataset such as digits:latest; repeat for more",
        HelpName = "data/…|DATASET",
    };
    private readonly Option<string?> from = new("--from")
    {
        Description = "Start from a run's checkpoint: last (the default), best, a step, max:METRIC or min:METRIC", HelpName = "RUN[:WHICH]",
    };
    private readonly Option<string[]> env = new("--env") { Description = "An environment variable for the code", HelpName = "K=V" };
    private readonly Option<string?> timeout = new("--timeout")
    {
        Description = "End the run after this time: 90m, 2h, 02:00:00 [no limit]", HelpName = "TIME",
    };
    private readonly Option<string[]> tags = new("--tag", "-t") { Description = "A tag", HelpName = "TAG" };
    private readonly Option<bool> fresh = new("--fresh") { Description = "Run even if an equal run can be reused" };

    public Option<bool> Wait { get; } = new("--wait", "-w") { Description = "Watch it until it ends; Ctrl-C stops watching, not the run" };

    public IReadOnlyList<Option> All => [parameters, seeds, machine, name, project, inputs, from, env, timeout, tags, fresh, Wait];

    public async Task<ExperimentSpec> Apply(Session session, ExperimentSpec spec, CancellationToken cancel)
    {
        var changed = spec with
        {
            Name = session.Get(name) ?? spec.Name,
            Project = session.Get(project) ?? spec.Project,
            Machine = session.Get(machine) ?? spec.Machine,
            Seeds = session.Get(seeds) is { Length: > 0 } given ? given : spec.Seeds,
            Params = Params(session, spec.Params),
            Env = Merged(spec.Env, session.Get(env), "--env", text => text),
            Inputs = [.. spec.Inputs.Union(session.Get(inputs) ?? [])],
            Tags = [.. spec.Tags.Union(session.Get(tags) ?? [])],
            Timeout = session.Get(timeout) is { } limit
                ? Durations.Parse(limit) ?? throw ExpException.Usage($"--timeout {limit}: give {Durations.Wanted}")
                : spec.Timeout,
            Fresh = session.Get(fresh) || spec.Fresh,
        };
        if (session.Get(from) is not { } source) return changed;
        var colon = source.IndexOf(':', StringComparison.Ordinal);
        var run = await RunNames.Find(session.Api, colon < 0 ? source : source[..colon], cancel);
        return changed with { From = new(run, colon < 0 ? "last" : source[(colon + 1)..]) };
    }

    private IReadOnlyDictionary<string, JsonElement> Params(Session session, IReadOnlyDictionary<string, JsonElement> declared)
    {
        var merged = declared;
        var given = Merged(new Dictionary<string, JsonElement>(), session.Get(parameters), "--param", Typed);
        foreach (var (name, value) in given)
        {
            if (given.Keys.FirstOrDefault(other => other.StartsWith(name + ".", StringComparison.Ordinal)) is { } within)
            {
                throw ExpException.Usage($"--param {name} and --param {within}: one of them is within the other; leave one");
            }

            if (declared.Count > 0 && ParamPath.Find(declared, name) is null)
            {
                var meant = Suggestion.Clause(name, ParamPath.Flat(declared).Select(param => param.Key));
                session.Output.Remark($"[yellow]--param {name}: the experiment has no parameter of this name yet{meant}[/]");
            }

            merged = ParamPath.With(merged, name, value);
        }

        return merged;
    }

    /// <summary>
    /// A number, true, false, a list or a map as JSON has them (numbers also as <c>.5</c> or
    /// <c>+1</c>); text in quotes; all else is text as it stands.
    /// </summary>
    /// <exception cref="FormatException">It may be a number or text.</exception>
    public static JsonElement Typed(string text)
    {
        if (text is "true" or "false" || (text.Length > 0 && "[{\"".Contains(text[0], StringComparison.Ordinal)))
        {
            try
            {
                return JsonElement.Parse(text);
            }
            catch (JsonException)
            {
                return Text(text);
            }
        }

        if (LeadingZeros.Without(text) is { } meant)
        {
            throw new FormatException($"number or text? Write {meant} for the number, or '\"{text}\"' for the text");
        }

        var looksLikeNumber = text.Length > 0 && (char.IsAsciiDigit(text[0]) || "+-.".Contains(text[0], StringComparison.Ordinal));
        return looksLikeNumber
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
            && CanonicalJson.Number(text) is { } canonical
            ? JsonElement.Parse(canonical)
            : Text(text);
    }

    private static JsonElement Text(string text) => JsonElement.Parse($"\"{JsonEncodedText.Encode(text)}\"");

    private static Dictionary<string, T> Merged<T>(IReadOnlyDictionary<string, T> all, string[]? changes, string option, Func<string, T> read)
    {
        var merged = new Dictionary<string, T>(all, StringComparer.Ordinal);
        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var change in changes ?? [])
        {
            var equals = change.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) throw ExpException.Usage($"{option} {change}: write it as NAME=VALUE");
            var name = change[..equals];
            if (!named.Add(name)) throw ExpException.Usage($"{option} {name} is given more than once; leave one");
            try
            {
                merged[name] = read(change[(equals + 1)..]);
            }
            catch (FormatException e)
            {
                throw ExpException.Usage($"{option} {change}: {e.Message}");
            }
        }

        return merged;
    }
}
