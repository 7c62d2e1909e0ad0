using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Serverless.Cloud;
using Serverless.Core;
using Serverless.Core.Code;
using Serverless.Core.Spec;
using Serverless.Core.Telemetry;
using Serverless.Core.Workspaces;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// What an agent is told, and where: on the command line, or — without --data, which is for a platform on this machine — also in the environment, as
/// containers are told. A worker of one's own machine reads nothing of the environment, which may be full of settings that are meant for others.
/// </summary>
static class AgentSettings
{
    private static readonly Option<string?>
        Data = new("--data") { Description = "The platform's data folder, the same as that of exp up." },
        Blob = new("--blob")
            { Description = "The storage account with the workspaces: its address, or an emulator's connection string. Else " +
                $"{CloudConnections.BlobEndpoint}, {CloudConnections.BlobConnection}." },
        ServiceBus = new("--servicebus") { Description = $"The Service Bus namespace with the queues. Else {CloudConnections.ServiceBus}." },
        Scratch = new("--scratch") { Description = "Folder for work and caches. Else EXP_SCRATCH, or DATA/worker." },
        Workspace = new("--workspace")
            { Description = $"The workspace that this worker announces itself in. Else EXP_WORKSPACE, or {LocalWorkspaces.Default}." },
        Machine = new("--machine") { Description = "The machine class whose runs it takes. Else EXP_MACHINE." },
        Id = new("--id") { Description = "Its name, unique among the workers that live. Else one that is made up, without --data." },
        RunAs = new("--run-as")
            { Description = "The user that experiment code runs as, by name or number, when this worker is root: it then sees nothing of the " +
                "worker's memory and credentials. Else EXP_RUN_AS, or as this worker does." },
        Lease = new("--lease") { Description = "How long a run stays with it without a word from it. Else EXP_LEASE, or 30 s." },
        Cache = new("--cache")
            { Description = "What its caches (code, builds, set-ups, inputs) may take together, such as 20GB; what was not used for longest goes " +
                "first. Else EXP_CACHE, or half of the disk, at most 50GB." },
        Idle = new("--exit-when-idle") { Description = "Leave after this long without a run. Else EXP_EXIT_WHEN_IDLE, or never." },
        Lifetime = new("--lifetime")
            { Description = "How long this machine is there: no new run in the second half, and the last one is handed back before the end. Else " +
                "EXP_LIFETIME, or for ever." },
        LeastLogged = new("--log-level")
            { Description = "What of this worker's log is written to standard error: debug, information, warning or error. Else EXP_LOG_LEVEL, or " +
                "information." },
        LogLines = new("--log-format") { Description = "How: text, or json, an object a line. Else EXP_LOG_FORMAT, or text." },
        LogLimit = new("--log-limit")
            { Description = "How many MiB are kept of what an attempt prints: of more, the beginning and the end. Else EXP_LOG_LIMIT, or 64." };

    private static readonly Option<int?> Parent = new("--parent") { Description = "Leave when the process with this id is gone." };
    private static readonly Option<int> Spares = new("--spares")
    {
        Description = "Runner processes that wait in advance, of each kind.",
        DefaultValueFactory = _ => 1,
    };

    public static Command Command { get; } =
        new("agent", "Takes runs of a machine class and executes them, one after another.")
        {
            Data, Blob, ServiceBus, Scratch, Workspace, Machine, Id, RunAs, Lease, Cache, Idle, Lifetime, LogLimit, LeastLogged, LogLines, Parent,
            Spares,
        };

    /// <exception cref="SettingException">Something is missing or cannot be understood; the message says what.</exception>
    public static AgentOptions Read(ParseResult parsed)
    {
        var data = parsed.GetValue(Data) is { Length: > 0 } folder ? Path.GetFullPath(folder) : null;
        var blob = Text(Blob, CloudConnections.BlobEndpoint) ?? Text(null, CloudConnections.BlobConnection);
        var serviceBus = Text(ServiceBus, CloudConnections.ServiceBus);
        if (data is null && (blob is null || serviceBus is null))
        {
            throw new SettingException(
                $"say where the platform is: --data DIR, or --blob and --servicebus (in the environment: {CloudConnections.BlobEndpoint} and " +
                $"{CloudConnections.ServiceBus})");
        }

        var machine = Text(Machine, "EXP_MACHINE")
            ?? throw new SettingException("--machine (or EXP_MACHINE) is missing: the machine class whose runs this worker takes");
        var lease = Length(Lease, "EXP_LEASE") ?? TimeSpan.FromSeconds(30);
        var lifetime = Length(Lifetime, "EXP_LIFETIME");
        return new AgentOptions
        {
            DataFolder = data,
            Blob = blob,
            ServiceBus = serviceBus,
            Scratch = Path.GetFullPath(
                Text(Scratch, "EXP_SCRATCH")
                    ?? (data is null ? throw new SettingException("--scratch (or EXP_SCRATCH) is missing: a folder for work and caches")
                        : Path.Combine(data, "worker"))),
            Workspace = Text(Workspace, "EXP_WORKSPACE") ?? LocalWorkspaces.Default,
            Machine = machine,
            Id = Checked(
                Text(Id, null)
                    ?? (data is null ? $"{machine}-{new SystemIds(TimeProvider.System).Nonce()}"
                        : throw new SettingException("--id is missing: a name that no other worker has"))),
            Lease = lease >= TimeSpan.FromMilliseconds(100) ? lease : throw new SettingException("--lease: at least 00:00:00.100"),
            ExitWhenIdle = Length(Idle, "EXP_EXIT_WHEN_IDLE"),
            Lifetime = lifetime is null || lifetime <= TimeSpan.FromDays(49) ? lifetime : throw new SettingException("--lifetime: at most 49 days"),
            LogLimitBytes = Text(LogLimit, "EXP_LOG_LIMIT") is { } limit ? MebiBytes(limit) : AgentOptions.DefaultLogLimit,
            LogLevel = Word<LogLevel>(LeastLogged, "EXP_LOG_LEVEL") ?? LogLevel.Information,
            LogFormat = Word<LogFormat>(LogLines, "EXP_LOG_FORMAT") ?? default,
            RunAs = Text(RunAs, "EXP_RUN_AS"),
            CacheBytes = Size(Cache, "EXP_CACHE"),
            NeedsGpu = Text(null, "EXP_GPU") == "true",
            Parent = parsed.GetValue(Parent),
            Spares = Math.Max(0, parsed.GetValue(Spares)),
        };

        string? Text(Option<string?>? option, string? variable)
        {
            if (option is not null && parsed.GetValue(option) is { Length: > 0 } given) return given;
            return data is null && variable is not null && Environment.GetEnvironmentVariable(variable) is { Length: > 0 } set ? set : null;
        }

        long? Size(Option<string?> option, string variable) =>
            Text(option, variable) is { } text
                ? Sizes.Parse(text) ?? throw new SettingException($"{option.Name} (or {variable}): '{text}' is not {Sizes.Wanted}")
                : null;

        T? Word<T>(Option<string?> option, string variable) where T : struct, Enum =>
            Text(option, variable) is not { } text ? null
            : EnumNames.Parse<T>(text) ?? throw new SettingException($"{option.Name} (or {variable}): {EnumNames.Problem<T>(text)}");

        TimeSpan? Length(Option<string?> option, string variable) =>
            Text(option, variable) is { } text
                ? Durations.Parse(text) ?? throw new SettingException($"{option.Name} (or {variable}): '{text}' is not {Durations.Wanted}")
                : null;
    }

    private static long MebiBytes(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= 1024
            ? (long)count << 20
            : throw new SettingException($"--log-limit (or EXP_LOG_LIMIT): '{text}' is not a number of MiB from 1 to 1024");

    private static string Checked(string id) =>
        id.Length is > 0 and <= 100 && id != "cache" && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
            ? id
            : throw new SettingException($"--id {id}: letters, digits, '-' and '_', and not 'cache'");
}

/// <summary>The agent cannot start as asked; the message says in one line what to change.</summary>
sealed class SettingException(string message, Exception? inner = null) : Exception(message, inner);
