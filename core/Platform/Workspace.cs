using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Serverless.Core.Datasets;
using Serverless.Core.Deletion;
using Serverless.Core.Events;
using Serverless.Core.Lineage;
using Serverless.Core.Logs;
using Serverless.Core.Messaging;
using Serverless.Core.Metrics;
using Serverless.Core.Outputs;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Triggers;
using Serverless.Core.Workers;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Platform;

/// <summary>One workspace with everything that can be done in it.</summary>
public sealed class Workspace(
    string name, IObjectStore store, IMessageBus bus, Submission submission, IIds ids, TimeProvider time, IReadOnlyList<string> machineClasses,
    ILoggerFactory logs)
{
    public string Name => name;
    public IObjectStore Store => store;
    public Submission Submission => submission;
    public RunDeletion Deletion => new(store, submission, Queue, Lineage, logs.CreateLogger<RunDeletion>());
    public LineageReader Lineage { get; } = new(store, submission.Datasets);
    public RunStore Runs { get; } = new(store);
    public RunIndex Index { get; } = new(store, logs.CreateLogger<RunIndex>());
    public RunQueue Queue => field ??= new(name, store, bus, ids, logs.CreateLogger<RunQueue>(), Index);
    public RunSearch Search => new(Index, Runs, time);
    public Reuse Reuse => new(store, Index, submission.Code);
    public TriggerEngine Triggers => field ??= new(name, store, bus, ids, time, submission, Index, logs.CreateLogger<TriggerEngine>());
    public MetricsReader Metrics { get; } = new(store);
    public LogReader Logs { get; } = new(store, time);
    public RunOutputs Outputs { get; } = new(store);
    public Publication Publication { get; } = new(store);
    public Machines Machines => new(store, Index, machineClasses);
    public DeadLetters DeadLetters { get; } = new(name, bus, machineClasses, EventReader.SubjectOf);
    public WorkspaceFiles Files { get; } = new(store);
    public DatasetCatalog Datasets => submission.Datasets;
    public DatasetDeletion DatasetDeletion => new(store, Datasets, Lineage, logs.CreateLogger<DatasetDeletion>());
    public DatasetPublishing DatasetPublishing { get; } = new(name, store, bus, ids, submission.Datasets);
}

/// <summary>Opens workspaces, each once.</summary>
public sealed class WorkspaceDirectory(
    IWorkspaces workspaces, IMessageBus bus, IIds ids, TimeProvider time, SubmissionOptions options, ILoggerFactory logs)
{
    private readonly ConcurrentDictionary<string, Workspace> opened = new(StringComparer.Ordinal);

    public Workspace Open(string name) => opened.GetOrAdd(name, Make);

    private Workspace Make(string name)
    {
        var store = workspaces.Open(name);
        var submission = new Submission(name, store, bus, ids, options, logs.CreateLogger<Submission>());
        return new(name, store, bus, submission, ids, time, options.MachineClasses, logs);
    }
}
