using System.CommandLine;
using Serverless.Cli.Submit;

namespace Serverless.Cli;

static class RunCommand
{
    public static Verb Create(World world)
    {
        var path = new Argument<string>("FILE|DIR")
        {
            Description = "A C# file, a project, a .py or .sh script, a folder of code, or a folder with an experiment.yaml",
        };
        var arguments = new Argument<string[]>("ARGS") { Description = "After --: arguments for the code", Arity = ArgumentArity.ZeroOrMore };
        var include = new Option<string[]>("--include")
        {
            Description = "Files to include from the folder; with a file, from beside it", HelpName = "PATTERN",
        };
        var options = new ExperimentOptions();
        return new Verb("run", "Submit code as an experiment and, with --wait, watch it run")
        {
            AfterDashes = arguments,
            Examples =
            [
                "exp run train.cs --param lr=0.01 --wait",
                "exp run experiments/prune-mlp --seed 1 --seed 2 --seed 3 -w",
                "exp run finetune.cs --from prune-mlp:best --input data/digits/",
                "exp run train.py --tag baseline -- --verbose",
            ],
        }.With([path, arguments, include, .. options.All]).Does(world, async (session, cancel) =>
        {
            var source = Including(ExperimentSource.Of(session.Get(path), session.Get(arguments)), session.Get(include) ?? []);
            source = source with { Spec = await options.Apply(session, source.Spec, cancel) };
            return await Submitting.Report(session, await Submitting.Submit(session.Api, source, cancel), session.Get(options.Wait), cancel);
        });
    }

    private static ExperimentSource Including(ExperimentSource source, string[] patterns)
    {
        if (patterns.Length == 0 || source.CodePath is not { } path) return source;
        var isFile = File.Exists(path);
        string[] include = [.. source.Spec.Code.Include ?? [], .. isFile ? ["/" + Path.GetFileName(path)] : Array.Empty<string>(), .. patterns];
        return new(source.Spec with { Code = source.Spec.Code with { Include = include } }, isFile ? Path.GetDirectoryName(path) : path);
    }
}
