using System.CommandLine;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;

namespace Serverless.GpuWorker.Agent;

/// <summary>The agent's command line.</summary>
static class AgentCommand
{
    private static readonly TimeSpan LongestLock = TimeSpan.FromSeconds(30);

    public static int Run(string[] args)
    {
        var data = new Option<string>("--data") { Description = "The platform's data folder, the same as that of exp up.", Required = true };
        var workspace = new Option<string>("--workspace")
        {
            Description = "The workspace that it announces itself in.",
            DefaultValueFactory = _ => LocalWorkspaces.Default,
        };
        var machine = new Option<string>("--machine") { Description = "The machine class whose runs it takes.", Required = true };
        var id = new Option<string>("--id") { Description = "Its name, unique among the workers that live.", Required = true };
        var lease = new Option<TimeSpan>("--lease")
        {
            Description = "How long a run stays with it without a word from it.",
            DefaultValueFactory = _ => TimeSpan.FromSeconds(30),
        };
        var parent = new Option<int?>("--parent") { Description = "Leave when the process with this id is gone." };
        var idle = new Option<TimeSpan?>("--exit-when-idle") { Description = "Leave after this long without a run." };
        var spares = new Option<int>("--spares") { DefaultValueFactory = _ => 1, Description = "Runner processes that wait, of each kind." };
        id.Validators.Add(result =>
        {
            if (result.GetValue(id) is { } name
                && (name.Length is 0 or > 100 || name == "cache" || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))))
            {
                result.AddError($"--id {name}: letters, digits, '-' and '_', and not 'cache'");
            }
        });
        lease.Validators.Add(result =>
        {
            if (result.GetValue(lease) < TimeSpan.FromMilliseconds(100)) result.AddError("--lease: at least 00:00:00.100");
        });

        var agent = new Command("agent", "Takes runs of a machine class and executes them, one after another.")
        {
            data, workspace, machine, id, lease, parent, idle, spares,
        };
        agent.SetAction((parsed, _) => Run(new AgentOptions
        {
            DataFolder = Path.GetFullPath(parsed.GetRequiredValue(data)),
            Workspace = parsed.GetRequiredValue(workspace),
            Machine = parsed.GetRequiredValue(machine),
            Id = parsed.GetRequiredValue(id),
            Lease = parsed.GetValue(lease),
            Parent = parsed.GetValue(parent),
            ExitWhenIdle = parsed.GetValue(idle),
            Spares = Math.Max(0, parsed.GetValue(spares)),
        }));
        return new RootCommand("Executes runs of Serverless.") { agent }.Parse(args).Invoke(new() { ProcessTerminationTimeout = null });
    }

    private static async Task<int> Run(AgentOptions options)
    {
        var time = TimeProvider.System;
        var ids = new SystemIds(time);
        Directory.CreateDirectory(options.Folder);
        FileStream own;
        try
        {
            own = new(Path.Combine(options.Folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            await Console.Error.WriteLineAsync($"a worker named {options.Id} is running on {options.DataFolder}; give this one another --id");
            return 1;
        }

        await using (own)
        {
            var lockLength = options.Lease < LongestLock ? options.Lease : LongestLock;
            using var bus = new SqliteMessageBus(Path.Combine(options.DataFolder, "bus", "bus.db"), time, ids, new() { LockLength = lockLength });
            var agent = new AgentHost(options, new LocalWorkspaces(options.DataFolder, time), bus, ids, time);
            return await agent.Run();
        }
    }
}
