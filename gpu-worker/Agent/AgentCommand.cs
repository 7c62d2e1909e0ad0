using System.CommandLine;
using Microsoft.Extensions.Logging;
using Serverless.Cloud;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Telemetry;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Agent;

/// <summary>The agent's command line: opens what the settings name, and works on it.</summary>
static class AgentCommand
{
    private static readonly TimeSpan LongestLock = TimeSpan.FromSeconds(30);
    private static readonly string Category = typeof(AgentCommand).Namespace!;

    public static int Run(string[] args)
    {
        var agent = AgentSettings.Command;
        agent.SetAction(async (parsed, _) =>
        {
            try
            {
                return await Run(AgentSettings.Read(parsed));
            }
            catch (Exception wrong)
            {
                await Console.Error.WriteLineAsync(Sentence(wrong));
                return 1;
            }
        });
        return new RootCommand("Executes runs of Serverless.") { agent }.Parse(args).Invoke(new()
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        });
    }

    /// <summary>Whoever started this shows each line as one; the stack is for those who ask for it.</summary>
    private static string Sentence(Exception wrong) =>
        Environment.GetEnvironmentVariable("EXP_DEBUG") is { Length: > 0 } ? wrong.ToString()
        : wrong is IOException && FolderFaults.IsFull(wrong.HResult)
            ? $"there is no room left on a disk that the worker needs ({wrong.Message}): free some"
        : wrong is SettingException or NotSupportedException or IOException or UnauthorizedAccessException ? wrong.Message
        : $"the worker met a fault of its own, {wrong.GetType().Name}: {wrong.Message}; EXP_DEBUG=1 shows where";

    private static async Task<int> Run(AgentOptions options)
    {
        if (options.NeedsGpu && !AgentOptions.HasGpu)
        {
            // Code that trains on a CPU where a GPU is paid for looks healthy for days.
            throw new SettingException(
                $"there is no GPU here ({AgentOptions.GpuFile} is missing), and machine class {options.Machine} has one: check the job's workload " +
                "profile and the driver");
        }

        var time = TimeProvider.System;
        using var export = TelemetryExport.Start("serverless-worker", options.Id);
        using var lines = new LineLoggerProvider((_, line) => Console.Error.WriteLine(line), time, options.LogLevel, options.LogFormat, options.Id);
        using var both = export is null ? null : new LoggerFactory([lines, export], new LoggerFilterOptions { MinLevel = LogLevel.Trace });
        var log = both is null ? lines.CreateLogger(Category) : both.CreateLogger(Category);
        if (options.NeedsGpu) log.FoundGpu(await GpuDriver.Ask());
        var ids = new SystemIds(time);
        using var folder = await AgentFolder.Take(options, ids, time, log);
        var user = options.RunAs is { } name ? CodeUser.Named(name, options.Folder) : null;
        var workspaces = OpenWorkspaces(options, time);
        var bus = OpenBus(options, ids, time);
        await using var closing = bus as IAsyncDisposable;
        using var closingAtOnce = bus as IDisposable;
        return await new AgentHost(options, folder, workspaces, bus, ids, time, user, log).Run();
    }

    private static IWorkspaces OpenWorkspaces(AgentOptions options, TimeProvider time)
    {
        if (options.Blob is not { } account) return new LocalWorkspaces(options.DataFolder!, time);
        try
        {
            return CloudConnections.Workspaces(account);
        }
        catch (FormatException wrong)
        {
            throw new SettingException(
                $"--blob is neither an address such as https://NAME.blob.core.windows.net nor a connection string: {wrong.Message}", wrong);
        }
    }

    private static IMessageBus OpenBus(AgentOptions options, SystemIds ids, TimeProvider time) =>
        options.ServiceBus is { } name
            ? CloudConnections.Bus(name)
            : new SqliteMessageBus(Path.Combine(options.DataFolder!, "bus", "bus.db"), time, ids,
                new() { LockLength = options.Lease < LongestLock ? options.Lease : LongestLock });
}
