namespace Serverless.GpuWorker.Agent;

/// <summary>How an agent is started.</summary>
sealed record AgentOptions
{
    /// <summary>The embedded platform's folder: workspaces, bus, this worker's own folder.</summary>
    public required string DataFolder { get; init; }

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

    /// <summary>Runner processes that wait in advance, of each kind (with and without libtorch). Default 1.</summary>
    public int Spares { get; init; } = 1;

    public TimeSpan Heartbeat => Lease / 3;

    /// <summary>How soon a cancel request is seen at the latest.</summary>
    public TimeSpan Watch => Heartbeat < TimeSpan.FromSeconds(1) ? Heartbeat : TimeSpan.FromSeconds(1);

    /// <summary>What experiment code computes on.</summary>
    public string Device => Machine != "cpu" && File.Exists("/dev/nvidia0") ? "cuda:0" : "cpu";

    public string Folder => Path.Combine(DataFolder, "worker", Id);

    public string CacheFolder => Path.Combine(DataFolder, "worker", "cache");
}
