using System.Text.Json;
using Serverless.Cli.Client;
using Serverless.Cli.Submit;
using Serverless.Cli.Terminal;

namespace Serverless.Cli.Demo;

/// <summary>The experiments of the demo: the samples of this repository, which the build puts beside <c>exp</c>.</summary>
static class DemoExperiments
{
    private const string Digits = "data/digits/";
    private static readonly string[] Names = ["prune-mlp", "prune-cnn", "baseline-mlnet"];

    /// <summary>Enough for every line of code and every column of the table, too little to learn from.</summary>
    private static readonly (string Name, string Value)[] Quick = [("epochs", "1"), ("fine-tune-epochs", "1"), ("sparsities", "[0.5, 0.9]"), ("trees", "[1, 2]")];

    /// <returns>Ids of the runs, one an experiment.</returns>
    public static async Task<IReadOnlyList<string>> Submit(ApiClient api, Output output, bool quick, CancellationToken cancel)
    {
        var hasDigits = await api.ListFiles(Digits, cancel).AnyAsync(cancel);
        output.Remark($"[dim]Digits: {(hasDigits ? $"those in {Digits}" : $"drawn by the experiments themselves; put files into {Digits} to use your own")}[/]");
        var ids = new List<string>();
        foreach (var name in Names)
        {
            var source = ExperimentSource.Of(Path.Combine(AppContext.BaseDirectory, "experiments", name), []);
            var parameters = new Dictionary<string, JsonElement>(source.Spec.Params);
            foreach (var (parameter, value) in quick ? Quick.Where(change => parameters.ContainsKey(change.Name)) : []) parameters[parameter] = JsonElement.Parse(value);
            var submitted = await Submitting.Submit(api, source with { Spec = source.Spec with { Project = "demo", Inputs = hasDigits ? [Digits] : [], Params = parameters } }, cancel);
            ids.Add(submitted.Runs[0].Id);
        }

        return ids;
    }
}
