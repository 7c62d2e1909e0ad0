using System.Globalization;
using Microsoft.Data.Sqlite;
using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Messaging;

/// <summary>
/// The tables of the embedded bus, over one connection. Not safe for threads.
/// <para>Durability: in WAL mode a commit is with the operating system when it returns, so it survives kill -9. <c>synchronous=NORMAL</c> leaves the
/// disk's sync to checkpoints: after a power cut the file is sound but the newest commits may
/// be missing. Wakes may be lost that way, because the workspace's
/// <c>active/</c> entries have them sent again; what nobody sends again is committed with <c>synchronous=FULL</c>.</para>
/// </summary>
sealed class BusDatabase : IDisposable
{
    public const int Busy = 5, Locked = 6, ReadOnly = 8, InputOutput = 10, Full = 13, Corrupt = 11, CannotOpen = 14, NotADatabase = 26;

    // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE
    private const int NoCheckpointOnClose = 1006;

    private readonly SqliteConnection connection;
    private readonly FileIdentity? identity;
    private readonly Dictionary<string, SqliteCommand> commands = [];
    private readonly HashSet<string> changed = [];
    private bool synced;

    private BusDatabase(SqliteConnection connection) =>
        (this.connection, identity) = (connection, FileIdentity.Of(connection.DataSource));

    /// <summary>The file at the path is the one that is open, and not one that somebody put in its place or nothing.</summary>
    public bool IsInPlace => FileIdentity.Of(connection.DataSource) == identity;

    /// <summary>What was sent before this may be missing: the file was made, or put here, then.</summary>
    public DateTimeOffset Began { get; private set; }

    public static BusDatabase Open(string file, TimeSpan busyTimeout, BusClock clock)
    {
        // No folder above it: where a disk was unmounted, or the platform's folder was renamed, nothing may appear.
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        NestedFolder.Make(Path.GetDirectoryName(folder) ?? folder, folder);
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Pooling = false,

            // SQLite waits by itself (busy_timeout), in steps of milliseconds; the library's own waiting on top of it goes in steps of 150 ms.
            DefaultTimeout = 1,
        }.ToString());
        BusDatabase? database = null;
        try
        {
            connection.Open();
            database = new(connection);
            database.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA busy_timeout={(long)busyTimeout.TotalMilliseconds}"));
            database.Execute("PRAGMA journal_mode=WAL");
            database.Execute("PRAGMA synchronous=NORMAL");
            database.MakeTables();
            database.Recognize(clock);
            return database;
        }
        catch
        {
            if (database is null) connection.Dispose();
            else database.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var command in commands.Values) command.Dispose();

        // Tidying up after itself, SQLite would remove files by their names, which are another database's by now.
        if (connection.Handle is { } handle && !IsInPlace) _ = SQLitePCL.raw.sqlite3_db_config(handle, NoCheckpointOnClose, 1, out _);
        connection.Dispose();
    }

    /// <summary>Waits for other processes' transactions.</summary>
    public void Begin(bool synced)
    {
        if (synced != this.synced) Execute(synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
        this.synced = synced;
        changed.Clear();
        Execute("BEGIN IMMEDIATE");
    }

    /// <returns>Queues in which a message may have become ready, or will at a time that waiting receivers do not know of.</returns>
    public IReadOnlyCollection<string> Commit()
    {
        Execute("COMMIT");
        return changed;
    }

    /// <returns>False when a message with this id was sent within the window.</returns>
    public bool Send(string queue, Message message, TimeSpan due, TimeSpan now, TimeSpan window)
    {
        var isNew = Execute(
            "INSERT INTO sent (queue, id, at) VALUES ($queue, $id, $now) ON CONFLICT (queue, id) DO UPDATE SET at = $now WHERE at <= $old",
            ("$queue", queue), ("$id", message.Id), ("$now", now.Ticks), ("$old", (now - window).Ticks)) > 0;
        if (isNew) Insert(queue, message, due);
        return isNew;
    }

    public bool Publish(string topic, Message message, TimeSpan now, TimeSpan window)
    {
        var subscriptions = new List<string>();
        using (var reader = Query("SELECT subscription FROM subscriptions WHERE topic = $topic", ("$topic", topic)))
        {
            while (reader.Read()) subscriptions.Add(reader.GetString(0));
        }

        foreach (var subscription in subscriptions) Send(QueueNames.Subscription(topic, subscription), message, now, now, window);
        return subscriptions.Count > 0;
    }

    public bool Subscribe(string topic, string subscription) =>
        Execute("INSERT OR IGNORE INTO subscriptions (topic, subscription) VALUES ($topic, $subscription)", ("$topic", topic),
            ("$subscription", subscription)) > 0;

    public List<(string Topic, string Subscription)> Subscriptions()
    {
        List<(string, string)> all = [];
        using var reader = Query("SELECT topic, subscription FROM subscriptions");
        while (reader.Read()) all.Add((reader.GetString(0), reader.GetString(1)));
        return all;
    }

    /// <summary>When a message of the queue can be received; null when it is empty.</summary>
    public TimeSpan? NextDue(string queue)
    {
        using var reader = Query("SELECT due FROM messages WHERE queue = $queue ORDER BY due LIMIT 1", ("$queue", queue));
        return reader.Read() ? new(reader.GetInt64(0)) : null;
    }

    public (Message Message, long Number, int Deliveries)? Take(string queue, string token, TimeSpan until, TimeSpan now)
    {
        using var reader = Query(
            """
            UPDATE messages SET due = $until, lock = $token, deliveries = deliveries + 1
            WHERE number = (SELECT number FROM messages WHERE queue = $queue AND due <= $now ORDER BY place, number LIMIT 1)
            RETURNING number, id, body, deliveries
            """,
            ("$queue", queue), ("$token", token), ("$until", until.Ticks), ("$now", now.Ticks));
        return reader.Read() ? (new(reader.GetString(1), reader.GetString(2)), reader.GetInt64(0), reader.GetInt32(3)) : null;
    }

    public bool Renew(long number, string token, TimeSpan until, TimeSpan now) => Execute(
        "UPDATE messages SET due = $until WHERE number = $number AND lock = $token AND due > $now",
        ("$number", number), ("$token", token), ("$until", until.Ticks), ("$now", now.Ticks)) > 0;

    public bool Complete(long number, string token, TimeSpan now) => Execute(
        "DELETE FROM messages WHERE number = $number AND lock = $token AND due > $now",
        ("$number", number), ("$token", token), ("$now", now.Ticks)) > 0;

    /// <summary>Behind all that is ready: what nobody could deal with must not be the next again.</summary>
    public bool Abandon(string queue, long number, string token, TimeSpan now)
    {
        var given = Execute(
            "UPDATE messages SET due = $now, place = (SELECT max(place) + 1 FROM messages WHERE queue = $queue), lock = NULL WHERE number = " +
            "$number AND lock = $token AND due > $now",
            ("$number", number), ("$token", token), ("$now", now.Ticks), ("$queue", queue)) > 0;
        if (given) changed.Add(queue);
        return given;
    }

    public bool DeadLetter(long number, string token, string reason, TimeSpan now, DateTimeOffset at)
    {
        var put = Execute(
            """
            INSERT INTO dead_letters (queue, id, body, reason, at, deliveries)
            SELECT queue, id, body, $reason, $at, deliveries FROM messages WHERE number = $number AND lock = $token AND due > $now
            """,
            ("$number", number), ("$token", token), ("$reason", reason), ("$now", now.Ticks), ("$at", at.UtcTicks)) > 0;
        if (put) Execute("DELETE FROM messages WHERE number = $number", ("$number", number));
        return put;
    }

    public IReadOnlyList<DeadLetter> DeadLetters(string queue, int limit)
    {
        var letters = new List<DeadLetter>();
        using var reader = Query(
            "SELECT id, body, reason, at, deliveries FROM dead_letters WHERE queue = $queue ORDER BY number LIMIT $limit", ("$queue", queue),
            ("$limit", limit));
        while (reader.Read())
        {
            letters.Add(
                new(queue, new(reader.GetString(0), reader.GetString(1)), reader.GetString(2), new(reader.GetInt64(3), TimeSpan.Zero),
                    reader.GetInt32(4)));
        }

        return letters;
    }

    public bool Requeue(string queue, string id, TimeSpan now)
    {
        string body;
        using (var reader = Query(
            """
            DELETE FROM dead_letters WHERE number = (SELECT number FROM dead_letters WHERE queue = $queue AND id = $id ORDER BY number LIMIT 1)
            RETURNING body
            """,
            ("$queue", queue), ("$id", id)))
        {
            if (!reader.Read()) return false;
            body = reader.GetString(0);
        }

        Insert(queue, new(id, body), now);
        return true;
    }

    public long Count(string queue)
    {
        using var reader = Query("SELECT count(*) FROM messages WHERE queue = $queue", ("$queue", queue));
        return reader.Read() ? reader.GetInt64(0) : 0;
    }

    /// <summary>Forgets ids that were sent before this. A part at a time, so that nobody waits long for the transaction.</summary>
    public void Tidy(TimeSpan before) => Execute(
        "DELETE FROM sent WHERE (queue, id) IN (SELECT queue, id FROM sent WHERE at <= $before ORDER BY at LIMIT 2000)", ("$before", before.Ticks));

    /// <summary>Notes that the machine has run for this long, for whoever opens the file after it was started again.</summary>
    public void Note(TimeSpan uptime) => Set("uptime", uptime.Ticks);

    private void Insert(string queue, Message message, TimeSpan due)
    {
        Execute(
            "INSERT INTO messages (queue, id, body, due, place, deliveries) VALUES ($queue, $id, $body, $due, $place, 0)",
            ("$queue", queue), ("$id", message.Id), ("$body", message.Body), ("$due", due.Ticks), ("$place", message.Since?.UtcTicks ?? 0));
        changed.Add(queue);
    }

    // A machine that has run for less time than the file knows of was started again, and nobody that had a lock then lives. One that already ran
    // longer when the file was opened cannot be told from one that was not: a delay is then measured again, from now at worst.
    private void Recognize(BusClock clock)
    {
        var here = identity?.ToString() ?? "";
        var now = clock.Uptime;
        Began = Get("began") is long ticks ? new(ticks, TimeSpan.Zero) : DateTimeOffset.MinValue;
        var restarted = Get("uptime") is long uptime && uptime > now.Ticks;
        if (!restarted && Get("file") as string == here) return;
        Execute("BEGIN IMMEDIATE");
        if (Get("uptime") is long seen && seen > now.Ticks)
        {
            Execute("UPDATE messages SET due = 0, lock = NULL");
            Execute("DELETE FROM sent");
        }

        if (Get("file") as string != here)
        {
            Began = clock.Now;
            Set("began", Began.UtcTicks);
            Set("file", here);
        }

        Note(now);
        Execute("COMMIT");
    }

    private object? Get(string name)
    {
        using var reader = Query("SELECT value FROM about WHERE name = $name", ("$name", name));
        return reader.Read() ? reader.GetValue(0) : null;
    }

    private void Set(string name, object value) =>
        Execute("INSERT INTO about (name, value) VALUES ($name, $value) ON CONFLICT (name) DO UPDATE SET value = $value", ("$name", name),
            ("$value", value));

    private void MakeTables()
    {
        if (Version() != BusSchema.Number)
        {
            Execute("BEGIN IMMEDIATE");
            var version = Version();
            if (version is not (0 or 1 or BusSchema.Number))
            {
                throw new BusUnavailableException($"{connection.DataSource} was made by another version of this program (schema {version})");
            }

            if (version != BusSchema.Number)
            {
                using var create = connection.CreateCommand();
                create.CommandText = version == 0 ? BusSchema.Tables : BusSchema.From1;
                create.ExecuteNonQuery();
                Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version={BusSchema.Number}"));
            }

            Execute("COMMIT");
        }

        long Version()
        {
            using var reader = Query("PRAGMA user_version");
            return reader.Read() ? reader.GetInt64(0) : 0;
        }
    }

    private int Execute(string sql, params ReadOnlySpan<(string Name, object Value)> values) => Command(sql, values).ExecuteNonQuery();

    private SqliteDataReader Query(string sql, params ReadOnlySpan<(string Name, object Value)> values) => Command(sql, values).ExecuteReader();

    private SqliteCommand Command(string sql, ReadOnlySpan<(string Name, object Value)> values)
    {
        if (!commands.TryGetValue(sql, out var command))
        {
            commands[sql] = command = connection.CreateCommand();
            command.CommandText = sql;
            foreach (var (name, _) in values) command.Parameters.Add(new() { ParameterName = name });
        }

        foreach (var (name, value) in values) command.Parameters[name].Value = value;
        return command;
    }
}
