using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Serverless.Cli.Datasets;
using Serverless.Cli.Terminal;

namespace Serverless.Cli;

/// <summary>All commands, in the order of the help.</summary>
static class Root
{
    public static RootCommand Create(World world)
    {
        var root = new RootCommand("Experiments on a serverless platform: submit, watch, compare.")
        {
            DemoCommand.Create(world),
            UpCommand.Create(world),
            InitCommand.Create(world),
            SpecCommand.Create(world),
            RunCommand.Create(world),
            SubmitCommand.Create(world),
            WaitCommand.Create(world),
            ListCommand.Create(world),
            ShowCommand.Create(world),
            LogsCommand.Create(world),
            MetricsCommand.Create(world),
            PlotCommand.Create(world),
            CompareCommand.Create(world),
            WhyNotReusedCommand.Create(world),
            LineageCommand.Create(world),
            ReportCommand.Create(world),
            TriggerCommand.Create(world),
            CancelCommand.Create(world),
            RerunCommand.Create(world),
            TagCommand.Create(world),
            DeleteCommand.Create(world),
            ArtifactsCommand.Create(world),
            CheckpointsCommand.Create(world),
            FilesCommand.Create(world),
            DatasetCommand.Create(world),
            MachinesCommand.Create(world),
            WebhookCommand.Create(world),
            LoginCommand.Create(world),
            LoginCommand.Logout(world),
            ProfilesCommand.Create(world),
            KeysCommand.Create(world),
            DeadLettersCommand.Create(world),
            DoctorCommand.Create(world),
        };
        root.Add(Session.JsonOption);
        root.Add(Session.DataOption);
        root.Add(Session.ProfileOption);
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        root.SetAction(parsed => ((SynchronousCommandLineAction)help.Action).Invoke(parsed));
        return root;
    }

    /// <summary>"files put " for that command, "" for the root.</summary>
    public static string PathOf(Command command) =>
        command is RootCommand ? "" : $"{PathOf(command.Parents.OfType<Command>().Single())}{command.Name} ";
}
