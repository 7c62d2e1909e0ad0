using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Serverless.Core.Messaging;

/// <summary>
/// The tables of the embedded bus, over one connection. Not safe for threads.
/// <para>Durability: in WAL mode a commit is with the operating system when it returns, so it survives kill -9. <c>synchronous=NORMAL</c> leaves the disk's sync
/// to checkpoints: after a power cut the file is sound but the newest commits may be missing. Wakes may be lost that way, because the workspace's
/// <c>active/</c> entries have them sent again; what nobody sends again is committed with <c>synchronous=FULL</c>.</para>
/// </summary>
sealed class BusDatabase : IDisposable
{
    public const int Busy = 5, Locked = 6, Full = 13, Corrupt = 11, NotADatabase = 26;
    private const int Schema = 1;

    // due: when the message may next be received, in ticks of UTC. A delay and a lock are the same to everybody but the holder of the lock, so one
    // column, and one index in which the next message of a queue comes first, serve both. Among ready messages the order is that of falling due, then of sending.
    private const string Tables = """
        CREATE TABLE messages (
            number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
            due INTEGER NOT NULL, lock TEXT, deliveries INTEGER NOT NULL);
        CREATE INDEX messages_next ON messages (queue, due);
        CREATE TABLE dead_letters (
            number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
            reason TEXT NOT NULL, at INTEGER NOT NULL, deliveries INTEGER NOT NULL);
        CREATE INDEX dead_letters_queue ON dead_letters (queue);
        CREATE TABLE subscriptions (topic TEXT NOT NULL, subscription TEXT NOT NULL, PRIMARY KEY (topic, subscription)) WITHOUT ROWID;
        CREATE TABLE sent (queue TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
        CREATE INDEX sent_at ON sent (at);
        """;

    private readonly SqliteConnection connection;
    private readonly Dictionary<string, SqliteCommand> commands = [];
    private readonly HashSet<string> changed = [];
    private bool synced;

    private BusDatabase(SqliteConnection connection) => this.connection = connection;

    public static BusDatabase Open(string file, TimeSpan busyTimeout)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Pooling = false,

            // SQLite waits by itself (busy_timeout), in steps of milliseconds; the library's own waiting on top of it goes in steps of 150 ms.
            DefaultTimeout = 1,
        }.ToString());
        var database = new BusDatabase(connection);
        try
        {
            connection.Open();
            database.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA busy_timeout={(long)busyTimeout.TotalMilliseconds}"));
            database.Execute("PRAGMA journal_mode=WAL");
            database.Execute("PRAGMA synchronous=NORMAL");
            database.MakeTables();
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var command in commands.Values) command.Dispose();
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
    public bool Send(string queue, Message message, DateTimeOffset due, DateTimeOffset now, TimeSpan window)
    {
        var isNew = Execute(
            "INSERT INTO sent (queue, id, at) VALUES ($queue, $id, $now) ON CONFLICT (queue, id) DO UPDATE SET at = $now WHERE at <= $old",
            ("$queue", queue), ("$id", message.Id), ("$now", now.UtcTicks), ("$old", (now - window).UtcTicks)) > 0;
        if (isNew) Insert(queue, message.Id, message.Body, due);
        return isNew;
    }

    public bool Publish(string topic, Message message, DateTimeOffset now, TimeSpan window)
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
        Execute("INSERT OR IGNORE INTO subscriptions (topic, subscription) VALUES ($topic, $subscription)", ("$topic", topic), ("$subscription", subscription)) > 0;

    /// <summary>When a message of the queue can be received; null when it is empty.</summary>
    public DateTimeOffset? NextDue(string queue)
    {
        using var reader = Query("SELECT due FROM messages WHERE queue = $queue ORDER BY due LIMIT 1", ("$queue", queue));
        return reader.Read() ? new(reader.GetInt64(0), TimeSpan.Zero) : null;
    }

    public ReceivedMessage? Take(string queue, string token, DateTimeOffset until, DateTimeOffset now)
    {
        using var reader = Query(
            """
            UPDATE messages SET due = $until, lock = $token, deliveries = deliveries + 1
            WHERE number = (SELECT number FROM messages WHERE queue = $queue AND due <= $now ORDER BY due, number LIMIT 1)
            RETURNING number, id, body, deliveries
            """,
            ("$queue", queue), ("$token", token), ("$until", until.UtcTicks), ("$now", now.UtcTicks));
        return reader.Read()
            ? new(queue, new(reader.GetString(1), reader.GetString(2)), string.Create(CultureInfo.InvariantCulture, $"{reader.GetInt64(0)}.{token}"), reader.GetInt32(3), until)
            : null;
    }

    public bool Renew(long number, string token, DateTimeOffset until, DateTimeOffset now) => Execute(
        "UPDATE messages SET due = $until WHERE number = $number AND lock = $token AND due > $now",
        ("$number", number), ("$token", token), ("$until", until.UtcTicks), ("$now", now.UtcTicks)) > 0;

    public bool Complete(long number, string token, DateTimeOffset now) => Execute(
        "DELETE FROM messages WHERE number = $number AND lock = $token AND due > $now",
        ("$number", number), ("$token", token), ("$now", now.UtcTicks)) > 0;

    public bool Abandon(string queue, long number, string token, DateTimeOffset now)
    {
        var given = Execute(
            "UPDATE messages SET due = $now, lock = NULL WHERE number = $number AND lock = $token AND due > $now",
            ("$number", number), ("$token", token), ("$now", now.UtcTicks)) > 0;
        if (given) changed.Add(queue);
        return given;
    }

    public bool DeadLetter(long number, string token, string reason, DateTimeOffset now)
    {
        var put = Execute(
            """
            INSERT INTO dead_letters (queue, id, body, reason, at, deliveries)
            SELECT queue, id, body, $reason, $now, deliveries FROM messages WHERE number = $number AND lock = $token AND due > $now
            """,
            ("$number", number), ("$token", token), ("$reason", reason), ("$now", now.UtcTicks)) > 0;
        if (put) Execute("DELETE FROM messages WHERE number = $number", ("$number", number));
        return put;
    }

    public IReadOnlyList<DeadLetter> DeadLetters(string queue, int limit)
    {
        var letters = new List<DeadLetter>();
        using var reader = Query(
            "SELECT id, body, reason, at, deliveries FROM dead_letters WHERE queue = $queue ORDER BY number LIMIT $limit", ("$queue", queue), ("$limit", limit));
        while (reader.Read())
        {
            letters.Add(new(queue, new(reader.GetString(0), reader.GetString(1)), reader.GetString(2), new(reader.GetInt64(3), TimeSpan.Zero), reader.GetInt32(4)));
        }

        return letters;
    }

    public bool Requeue(string queue, string id, DateTimeOffset now)
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

        Insert(queue, id, body, now);
        return true;
    }

    public long Count(string queue)
    {
        using var reader = Query("SELECT count(*) FROM messages WHERE queue = $queue", ("$queue", queue));
        return reader.Read() ? reader.GetInt64(0) : 0;
    }

    /// <summary>Forgets ids that were sent before this. A part at a time, so that nobody waits long for the transaction.</summary>
    public void Tidy(DateTimeOffset before) => Execute(
        "DELETE FROM sent WHERE (queue, id) IN (SELECT queue, id FROM sent WHERE at <= $before ORDER BY at LIMIT 2000)", ("$before", before.UtcTicks));

    private void Insert(string queue, string id, string body, DateTimeOffset due)
    {
        Execute(
            "INSERT INTO messages (queue, id, body, due, deliveries) VALUES ($queue, $id, $body, $due, 0)",
            ("$queue", queue), ("$id", id), ("$body", body), ("$due", due.UtcTicks));
        changed.Add(queue);
    }

    private void MakeTables()
    {
        if (Version() != Schema)
        {
            Execute("BEGIN IMMEDIATE");
            var version = Version();
            if (version is not (0 or Schema)) throw new BusUnavailableException($"{connection.DataSource} was made by another version of this program (schema {version})");
            if (version == 0)
            {
                using var create = connection.CreateCommand();
                create.CommandText = Tables;
                create.ExecuteNonQuery();
                Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version={Schema}"));
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
