using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.GpuWorker.Agent;

/// <summary>How an agent is started.</summary>
sealed record AgentOptions
{
    /// <summary>File that a machine with a GPU of NVIDIA has.</summary>
    public const string GpuFile = "/dev/nvidia0";

    public const long DefaultLogLimit = 64L << 20;

    /// <summary>The embedded platform's folder, for what is not in the cloud: workspaces, bus. Null: both are.</summary>
    public string? DataFolder { get; init; }

    /// <summary>The storage account with the workspaces. Null: they are in <see cref="DataFolder"/>.</summary>
    public string? Blob { get; init; }

    /// <summary>The Service Bus namespace with the queues. Null: they are in <see cref="DataFolder"/>.</summary>
    public string? ServiceBus { get; init; }

    /// <summary>Folder for work and caches.</summary>
    public required string Scratch { get; init; }

    /// <summary>Where this worker announces itself. Runs are taken from every workspace.</summary>
    public string Workspace { get; init; } = "workspace";

    /// <summary>Machine class, which is the queue that it takes runs from.</summary>
    public required string Machine { get; init; }

    /// <summary>Name, unique among the workers that live; restarts keep it.</summary>
    public required string Id { get; init; }

    /// <summary>How long a run stays with this worker without a word from it. Default 30 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>When this process is gone, the worker leaves as on SIGTERM. Null: none.</summary>
    public int? Parent { get; init; }

    /// <summary>Leave after this long without a run. Null: never.</summary>
    public TimeSpan? ExitWhenIdle { get; init; }

    /// <summary>How long this machine is there. Null: for ever.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>The user that code runs as, by name or number; this process is root then. Null: as this process does.</summary>
    public string? RunAs { get; init; }

    /// <summary>What the caches of this machine may take together: code, builds, set-ups, inputs. Null: half of the disk, at most 50 GiB.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>Refuse to work without a GPU. Default: computes on what there is.</summary>
    public bool NeedsGpu { get; init; }

    /// <summary>Runner processes that wait in advance, of each kind (with and without libtorch). Default 1.</summary>
    public int Spares { get; init; } = 1;

    /// <summary>How much is kept of an attempt's log: of a longer one its beginning and its end. Default 64 MiB, from 1 MiB to 1 GiB.</summary>
    public long LogLimitBytes { get; init; } = DefaultLogLimit;

    /// <summary>What of this worker's log is written. Default: information.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>How. Default: text.</summary>
    public LogFormat LogFormat { get; init; }

    public TimeSpan Heartbeat => Lease / 3;

    /// <summary>How soon a cancel request is seen at the latest. Default: 1 s, or <see cref="Heartbeat"/> when that is shorter.</summary>
    public TimeSpan Watch
    {
        get => field > TimeSpan.Zero ? field : Heartbeat < TimeSpan.FromSeconds(1) ? Heartbeat : TimeSpan.FromSeconds(1);
        init;
    }

    public static bool HasGpu => File.Exists(GpuFile);

    /// <summary>What experiment code computes on.</summary>
    public string Device => Machine != "cpu" && HasGpu ? "cuda:0" : "cpu";

    /// <summary>When no new run is taken any more, counted from the start: whatever may run for half of the lifetime has its time.</summary>
    public TimeSpan? TakesRunsFor => Lifetime / 2;

    /// <summary>When the run in hand is given back, counted from the start: the code's grace and the last writes fit into what is left.</summary>
    public TimeSpan? DrainsAfter => Lifetime - (Lifetime > 10 * HandBack ? HandBack : Lifetime / 10);

    public string Folder => Path.Combine(Scratch, Id);

    public string CacheFolder => Path.Combine(Scratch, "cache");

    private static TimeSpan HandBack => TimeSpan.FromMinutes(3);
}
