using System.Text.Json.Serialization;

namespace Serverless.Client;

[JsonConverter(typeof(EnumNamesConverter<RunState>))]
public enum RunState
{
    /// <summary>Waits for a worker of its machine class.</summary>
    Queued,

    /// <summary>A worker has it and fetches code and inputs, compiles, sets up.</summary>
    Preparing,

    /// <summary>Its code runs.</summary>
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// <summary>Why a run ended or went back to the queue.</summary>
[JsonConverter(typeof(EnumNamesConverter<Cause>))]
public enum Cause
{
    /// <summary>The code ended with exit code 0.</summary>
    Completed,

    /// <summary>The code threw, or ended with another exit code.</summary>
    UserCode,

    /// <summary>The code does not compile, or its set-up command failed.</summary>
    Build,

    /// <summary>The kernel or the runtime ended the code for want of memory.</summary>
    OutOfMemory,

    /// <summary>The code ran longer than the spec's timeout.</summary>
    Timeout,

    /// <summary>Somebody asked for it.</summary>
    Cancelled,

    /// <summary>The worker was told to leave and handed the run back.</summary>
    Preempted,

    /// <summary>The worker's lease expired: its process or machine died, or could not reach the workspace for a lease length.</summary>
    WorkerLost,

    /// <summary>An input is not what it was at submission.</summary>
    InputChanged,

    /// <summary>The code found no room for what it writes.</summary>
    DiskFull,

    /// <summary>
    /// The workspace, or the worker's own disk, had no room for what the run makes. No fault of the code: it goes on when there is some.
    /// </summary>
    StorageFull,

    /// <summary>A budget of the spec's retries is used up; the message says which.</summary>
    RetriesExhausted,

    /// <summary>The run cannot be executed as it is: its snapshot is missing or refused, its wake could not be understood.</summary>
    Invalid,
}

public static class RunStates
{
    extension(RunState state)
    {
        public bool IsTerminal => state is RunState.Succeeded or RunState.Failed or RunState.Cancelled;

        /// <summary>A worker owns a run in these states.</summary>
        public bool IsOwned => state is RunState.Preparing or RunState.Running;
    }
}
