using System.CommandLine;
using Serverless.Cli.Submit;
using Serverless.Cli.Terminal;

namespace Serverless.Cli;

static class InitCommand
{
    private static readonly string[] Files = ["experiment.yaml", "train.cs"];

    public static Verb Create(World world)
    {
        var folder = new Argument<string>("DIR")
        {
            Description = "Folder to write to; created if missing", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => ".",
        };
        return new Verb("init", "Create a starter experiment: a commented experiment.yaml and a train.cs that runs")
        {
            Examples = ["exp init first && exp run first --wait"],
        }.With(folder).Does(world, (session, _) =>
        {
            var path = session.Get(folder);
            if (Files.FirstOrDefault(file => File.Exists(Path.Combine(path, file))) is { } existing)
            {
                throw ExpException.Usage($"{Path.Combine(path, existing)} is there already; nothing was written");
            }

            Directory.CreateDirectory(path);
            var names = ExperimentSource.Of(path, []).Spec;
            foreach (var file in Files)
            {
                var text = Read(file).Replace("{project}", names.Project, StringComparison.Ordinal)
                    .Replace("{name}", names.Name, StringComparison.Ordinal);
                File.WriteAllText(Path.Combine(path, file), text);
            }

            // For editors. Hidden: what is there for them is no code.
            File.WriteAllText(Path.Combine(path, SpecCommand.SchemaFile), SpecCommand.ExperimentSchema);
            if (session.Output.Json) Output.WriteJson(Files.Select(file => Path.GetFullPath(Path.Combine(path, file))).ToList());
            else
            {
                var wrote = string.Join(" and ", Files.Select(file => Path.Combine(path, file)));
                session.Output.Line($"Wrote {wrote}. Run it: [bold]exp run {Shell.Quoted(path)} --wait[/]");
            }

            return Task.CompletedTask;
        });
    }

    private static string Read(string file)
    {
        using var reader = new StreamReader(typeof(InitCommand).Assembly.GetManifestResourceStream($"Starter/{file}")!);
        return reader.ReadToEnd();
    }
}
