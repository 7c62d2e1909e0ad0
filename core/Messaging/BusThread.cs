using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Serverless.Core.Messaging;

/// <summary>
/// One thread with one connection, which does everything that this process wants from the bus. Calls that come while a transaction runs go together
/// into the next one, so that many callers pay for few commits; and no thread of the pool ever blocks on a lock of the file.
/// </summary>
sealed class BusThread : IDisposable
{
    private const int MaxBatch = 256;
    private static readonly TimeSpan TidyEvery = TimeSpan.FromSeconds(1);

    private readonly string file;
    private readonly TimeProvider time;
    private readonly SqliteBusOptions options;
    private readonly Bell bell;
    private readonly BlockingCollection<Work> waiting = [];
    private readonly Thread thread;
    private BusDatabase? database;
    private DateTimeOffset tidied = DateTimeOffset.MinValue;

    public BusThread(string file, TimeProvider time, SqliteBusOptions options, Bell bell)
    {
        (this.file, this.time, this.options, this.bell) = (file, time, options, bell);
        thread = new(Loop) { IsBackground = true, Name = "bus" };
        thread.Start();
    }

    /// <summary>Runs in a transaction with others. Cancelled only before it begins: what was done is always told.</summary>
    /// <param name="synced">The transaction is on the disk, not just with the operating system, when the call is answered.</param>
    public Task<T> Write<T>(Func<BusDatabase, DateTimeOffset, T> work, bool synced = false, CancellationToken cancel = default) =>
        Add(new Work<T>(work) { Writes = true, Synced = synced, Cancel = cancel });

    public Task<T> Read<T>(Func<BusDatabase, DateTimeOffset, T> work, CancellationToken cancel = default) => Add(new Work<T>(work) { Cancel = cancel });

    public void Dispose()
    {
        waiting.CompleteAdding();
        thread.Join();
        waiting.Dispose();
    }

    private Task<T> Add<T>(Work<T> work)
    {
        try
        {
            waiting.Add(work, CancellationToken.None);
        }
        catch (Exception e) when (e is InvalidOperationException or ObjectDisposedException)
        {
            work.Fail(Closed());
        }

        return work.Task;
    }

    private void Loop()
    {
        var batch = new List<Work>(MaxBatch);
        foreach (var first in waiting.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < MaxBatch && waiting.TryTake(out var next)) batch.Add(next);
            batch.RemoveAll(work => work.GaveUp());
            if (waiting.IsAddingCompleted) batch.ForEach(work => work.Fail(Closed()));
            else if (batch.Count > 0) Do(batch);
            batch.Clear();
        }

        Close();
    }

    private void Do(List<Work> batch)
    {
        try
        {
            database ??= BusDatabase.Open(file, options.BusyTimeout);
            foreach (var work in batch)
            {
                if (!work.Writes) work.Do(database, time.GetUtcNow());
            }

            if (batch.Exists(work => work.Writes)) Commit(database, batch);
        }
        catch (Exception e)
        {
            // The connection's state is as unknown as the outcome: the next batch begins with a new one.
            Close();
            var told = e is not BusUnavailableException and (SqliteException or IOException or UnauthorizedAccessException) ? new BusUnavailableException(Explain(e), e) : e;
            foreach (var work in batch) work.Fail(told);
            return;
        }

        foreach (var work in batch) work.Answer();
    }

    private void Commit(BusDatabase database, List<Work> batch)
    {
        database.Begin(synced: batch.Exists(work => work.Synced));
        var now = time.GetUtcNow();
        foreach (var work in batch)
        {
            if (work.Writes) work.Do(database, now);
        }

        if ((now - tidied).Duration() >= TidyEvery)
        {
            database.Tidy(now - options.DuplicateWindow);
            tidied = now;
        }

        foreach (var queue in database.Commit()) bell.Ring(queue);
    }

    private void Close()
    {
        try
        {
            database?.Dispose();
        }
        catch (SqliteException)
        {
            // Closing rolls back; what it could not clean up, the next one to open the file does.
        }

        database = null;
    }

    private static ObjectDisposedException Closed() => new(nameof(SqliteMessageBus));

    private string Explain(Exception e) => e is SqliteException { SqliteErrorCode: var code } ? code switch
    {
        BusDatabase.Full => $"the disk is full: free some room for {file}",
        BusDatabase.Busy or BusDatabase.Locked => $"other processes kept {file} busy for {options.BusyTimeout.TotalSeconds:0} s; try again",
        BusDatabase.Corrupt or BusDatabase.NotADatabase =>
            $"{file} is damaged: stop the platform, delete {Path.GetDirectoryName(file)} and start again; what it held is sent again from the workspace",
        _ => $"{file}: {e.Message}",
    } : $"{file}: {e.Message}";

    private abstract class Work
    {
        public bool Writes { get; init; }
        public bool Synced { get; init; }
        public CancellationToken Cancel { get; init; }

        public abstract void Do(BusDatabase database, DateTimeOffset now);
        public abstract void Answer();
        public abstract void Fail(Exception e);
        public abstract bool GaveUp();
    }

    private sealed class Work<T>(Func<BusDatabase, DateTimeOffset, T> work) : Work
    {
        private readonly TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? answer;

        public Task<T> Task => done.Task;

        public override void Do(BusDatabase database, DateTimeOffset now) => answer = work(database, now);
        public override void Answer() => done.TrySetResult(answer!);
        public override void Fail(Exception e) => done.TrySetException(e);
        public override bool GaveUp() => Cancel.IsCancellationRequested && done.TrySetCanceled(Cancel);
    }
}
