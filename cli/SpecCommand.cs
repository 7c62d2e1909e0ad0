using System.CommandLine;
using System.Text.Json.Nodes;
using Serverless.Cli.Terminal;
using Serverless.Core.Spec;
using Serverless.Core.Triggers;

namespace Serverless.Cli;

/// <summary>What may be written: the schemas of experiment.yaml and of triggers.</summary>
static class SpecCommand
{
    private enum Kind
    {
        Experiment,
        Trigger,
    }

    /// <summary>Hidden, so that it is in no snapshot.</summary>
    public const string SchemaFile = ".experiment.schema.json";

    public static string ExperimentSchema => Text(SpecSchema.Experiment());

    public static Verb Create(World world)
    {
        var of = new Option<Kind?>("--for") { Description = "experiment or trigger [experiment]", HelpName = "KIND",
            CustomParser = EnumArgument.Parse<Kind> };
        var schema = new Verb("schema", "Print the JSON schema: every field with its meaning, default and bounds; editors complete and check by it")
        {
            Examples = ["exp spec schema > .experiment.schema.json", "exp spec schema --for trigger > .trigger.schema.json"],
        }.With(of).Does(world, (session, _) =>
        {
            Output.WriteText(session.Get(of) == Kind.Trigger ? Text(TriggerReader.Schema()) : ExperimentSchema);
            return Task.CompletedTask;
        });
        return new Verb("spec", "What experiment.yaml and triggers may say").With(schema);
    }

    private static string Text(JsonObject schema) => schema.ToJsonString(new() { WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
}
