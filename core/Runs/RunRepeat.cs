using Serverless.Core.Storage;

namespace Serverless.Core.Runs;

/// <summary>Runs the same again: a new run of the same spec, version and key, whatever became of the first.</summary>
public sealed class RunRepeat(IObjectStore store, RunQueue queue, IIds ids, TimeProvider time)
{
    private readonly RunStore runs = new(store);

    public async Task<RunRecord> Repeat(RunRecord run, string? by, CancellationToken cancel = default)
    {
        var again = new RunRecord
        {
            Id = ids.NewestFirst(),
            Project = run.Project,
            Experiment = run.Experiment,
            Version = run.Version,
            Key = run.Key,
            Spec = run.Spec,
            Tags = run.Tags,
            Created = time.GetUtcNow(),
            SubmittedBy = by,
        };
        await queue.Announce(again.Id, cancel);
        await runs.Create(again, cancel);
        await queue.Wake(again, cancel: cancel);
        return again;
    }
}
