using System.Collections.Concurrent;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Threads that wait for the disk. An fsync blocks its thread for about a millisecond; on the thread pool, which begins with one thread a core, a few
/// concurrent writers would stall everything else in the process, and could not share a commit of the file system's journal.
/// </summary>
internal sealed class DiskThreads : TaskScheduler
{
    private const int Most = 16;
    private readonly BlockingCollection<Task> waiting = [];
    private readonly Lock starting = new();
    private int threads;
    private int idle;

    public static DiskThreads Shared { get; } = new();

    public Task Run(Action work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    public override int MaximumConcurrencyLevel => Most;

    protected override void QueueTask(Task task)
    {
        waiting.Add(task);
        if (Volatile.Read(ref idle) >= waiting.Count || Volatile.Read(ref threads) == Most) return;
        lock (starting)
        {
            if (threads == Most) return;
            threads++;
            new Thread(Work) { IsBackground = true, Name = $"disk {threads}" }.Start();
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => waiting;

    private void Work()
    {
        while (true)
        {
            Interlocked.Increment(ref idle);
            var task = waiting.Take();
            Interlocked.Decrement(ref idle);
            TryExecuteTask(task);
        }
    }
}
