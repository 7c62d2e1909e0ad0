using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Serverless.Core.Storage.Folder;

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
    private readonly BusClock clock;
    private readonly SqliteBusOptions options;
    private readonly QueueSignal bell;
    private readonly BlockingCollection<Work> waiting = [];
    private readonly Thread thread;
    private BusDatabase? database;
    private FileIdentity? home;
    private TimeSpan? tidied;

    // Of this file and of those that were in its place before: whoever publishes must not find
    // a file without the subscriptions that the one before it had.
    private HashSet<(string Topic, string Subscription)> subscriptions = [];

    public BusThread(string file, BusClock clock, SqliteBusOptions options, QueueSignal bell)
    {
        (this.file, this.clock, this.options, this.bell) = (file, clock, options, bell);
        thread = new(Loop) { IsBackground = true, Name = "bus" };
        thread.Start();
    }

    /// <summary>Runs in a transaction with others. Cancelled only before it begins: what was done is always told.</summary>
    /// <param name="synced">The transaction is on the disk, not just with the operating system, when the call is answered.</param>
    public Task<T> Write<T>(Func<BusDatabase, TimeSpan, T> work, bool synced = false, CancellationToken cancel = default) =>
        Add(new Work<T>(work) { Writes = true, Synced = synced, Cancel = cancel });

    public Task<T> Read<T>(Func<BusDatabase, TimeSpan, T> work, CancellationToken cancel = default) => Add(new Work<T>(work) { Cancel = cancel });

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
            var database = Opened();
            foreach (var work in batch)
            {
                if (!work.Writes) work.Do(database, clock.Uptime);
            }

            if (batch.Exists(work => work.Writes)) Commit(database, batch);
        }
        catch (Exception e)
        {
            // The connection's state is as unknown as the outcome: the next batch begins with a new one.
            Close();
            var told = e is not BusUnavailableException and (SqliteException or IOException or UnauthorizedAccessException)
                ? new BusUnavailableException(Explain(e), e)
                : e;
            foreach (var work in batch) work.Fail(told);
            return;
        }

        foreach (var work in batch) work.Answer();
    }

    /// <summary>The database that is at the path now: what the others use, when somebody deleted the file or put another one there.</summary>
    private BusDatabase Opened()
    {
        if (database is { IsInPlace: false }) Close();
        if (database is not null) return database;
        CheckHome();
        database = BusDatabase.Open(file, options.BusyTimeout, clock);
        var there = database.Subscriptions().ToHashSet();
        if (!there.IsSupersetOf(subscriptions))
        {
            database.Begin(synced: true);
            foreach (var (topic, subscription) in subscriptions) database.Subscribe(topic, subscription);
            database.Commit();
        }

        subscriptions.UnionWith(there);
        bell.Rehang();
        return database;
    }

    // A bus is put back, or made anew, where it was; one in another folder of that name, which
    // some program made when ours was renamed, would be a second one.
    private void CheckHome()
    {
        var bus = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var folder = Path.GetDirectoryName(bus) ?? bus;
        var found = FileIdentity.Of(folder);
        if (!Directory.Exists(bus) && found is not null && home is not null && found != home)
        {
            throw new DirectoryNotFoundException($"{folder} is another folder than before: was it renamed?");
        }

        if (found is not null && (home is null || Directory.Exists(bus))) home = found;
    }

    private void Commit(BusDatabase database, List<Work> batch)
    {
        database.Begin(synced: batch.Exists(work => work.Synced));
        var now = clock.Uptime;
        foreach (var work in batch)
        {
            if (work.Writes) work.Do(database, now);
        }

        if (!(now - tidied < TidyEvery))
        {
            database.Tidy(now - options.DuplicateWindow);
            database.Note(now);
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
            $"{file} is damaged: delete the folder {Path.GetDirectoryName(file)}; a new one is made at once, and the wakes of waiting runs are " +
            "sent again within a minute",
        BusDatabase.InputOutput => $"{file} cannot be read or written: is its disk full, or broken?",
        BusDatabase.ReadOnly => $"{file} may not be written to: make it and its folder writable",
        BusDatabase.CannotOpen => $"{file} cannot be opened: is its folder there and writable, and may this process open more files (ulimit -n)?",
        _ => $"{file}: {e.Message}",
    } : $"{file}: {e.Message}";

    private abstract class Work
    {
        public bool Writes { get; init; }
        public bool Synced { get; init; }
        public CancellationToken Cancel { get; init; }

        public abstract void Do(BusDatabase database, TimeSpan now);
        public abstract void Answer();
        public abstract void Fail(Exception e);
        public abstract bool GaveUp();
    }

    private sealed class Work<T>(Func<BusDatabase, TimeSpan, T> work) : Work
    {
        private readonly TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? answer;

        public Task<T> Task => done.Task;

        public override void Do(BusDatabase database, TimeSpan now) => answer = work(database, now);
        public override void Answer() => done.TrySetResult(answer!);
        public override void Fail(Exception e) => done.TrySetException(e);
        public override bool GaveUp() => Cancel.IsCancellationRequested && done.TrySetCanceled(Cancel);
    }
}
