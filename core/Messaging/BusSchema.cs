namespace Serverless.Core.Messaging;

/// <summary>The tables of the embedded bus, and how those of an earlier version become them.</summary>
static class BusSchema
{
    public const int Number = 2;

    // due: when the message may next be received, in ticks of the machine's uptime (see BusClock). A delay and a lock are the same to everybody but
    // the holder of the lock, so one column serves both. place: ready messages go by it, then in the order
    // of sending; a lock that ends brings its message back to where it was.
    public const string Tables = """
        CREATE TABLE messages (
            number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
            due INTEGER NOT NULL, place INTEGER NOT NULL, lock TEXT, deliveries INTEGER NOT NULL);
        CREATE INDEX messages_due ON messages (queue, due);
        CREATE INDEX messages_next ON messages (queue, place, number, due);
        CREATE TABLE dead_letters (
            number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
            reason TEXT NOT NULL, at INTEGER NOT NULL, deliveries INTEGER NOT NULL);
        CREATE INDEX dead_letters_queue ON dead_letters (queue);
        CREATE TABLE subscriptions (topic TEXT NOT NULL, subscription TEXT NOT NULL, PRIMARY KEY (topic, subscription)) WITHOUT ROWID;
        CREATE TABLE sent (queue TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
        CREATE INDEX sent_at ON sent (at);
        CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        """;

    // Wakes are due at once and the memory of ids is lost, which is what a power cut may do as well.
    public const string From1 = """
        ALTER TABLE messages ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
        UPDATE messages SET due = 0, lock = NULL;
        DROP INDEX messages_next;
        CREATE INDEX messages_due ON messages (queue, due);
        CREATE INDEX messages_next ON messages (queue, place, number, due);
        DELETE FROM sent;
        CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        """;
}
