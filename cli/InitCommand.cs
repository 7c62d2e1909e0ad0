using System.CommandLine;
using Serverless.Cli.Submit;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;

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
        }.With(folder).Does(world, async (session, cancel) =>
        {
            var path = session.Get(folder);
            if (Files.FirstOrDefault(file => File.Exists(Path.Combine(path, file))) is { } existing)
            {
                throw ExpException.Usage($"{Path.Combine(path, existing)} is there already; nothing was written");
            }

            await LocalFiles.Write(path, () => Task.FromResult(Directory.CreateDirectory(path)));
            var names = ExperimentSource.Of(path, []).Spec;
            foreach (var file in Files)
            {
                var text = Read(file).Replace("{project}", names.Project, StringComparison.Ordinal)
                    .Replace("{name}", names.Name, StringComparison.Ordinal);
                await Write(Path.Combine(path, file), text, cancel);
            }

            // For editors. Hidden: what is there for them is no code.
            await Write(Path.Combine(path, SpecCommand.SchemaFile), SpecCommand.ExperimentSchema, cancel);
            if (session.Output.Json) Output.WriteJson(Files.Select(file => Path.GetFullPath(Path.Combine(path, file))).ToList());
            else
            {
                var wrote = string.Join(" and ", Files.Select(file => Path.Combine(path, file)));
                session.Output.Line($"Wrote {wrote}. Run it: [bold]exp run {Shell.Quoted(path)} --wait[/]");
            }
        });
    }

    private static Task Write(string file, string text, CancellationToken cancel) =>
        LocalFiles.Write(file, () => File.WriteAllTextAsync(file, text, cancel));

    private static string Read(string file)
    {
        using var reader = new StreamReader(typeof(InitCommand).Assembly.GetManifestResourceStream($"Starter/{file}")!);
        return reader.ReadToEnd();
    }
}
