using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Serverless.Core.Storage;

namespace Serverless.Core.Runs.Settled;

/// <summary>
/// A segment's bytes. What runs have in common stands in tables before them: texts, lists of names, values of parameters as one JSON array. So a
/// hundred thousand runs are read in a quarter of a second, and share in memory what they share in the file.
/// </summary>
internal static class SegmentFormat
{
    [Flags]
    private enum Has : ushort
    {
        ETag = 1,
        Run = 2,
        Damage = 4,
        IsNewer = 8,
        Cause = 16,
        Started = 32,
        Ended = 64,
        Step = 128,
        By = 256,
        Checks = 512,
        Seed = 1024,
    }

    private static ReadOnlySpan<byte> Beginning => "runs 1\n"u8;

    public static byte[] Write(IReadOnlyList<SettledEntry> entries)
    {
        var tables = new TableWriter();
        using var body = new MemoryStream();
        using (var to = new BinaryWriter(body, Encoding.UTF8, leaveOpen: true))
        {
            foreach (var entry in entries) Write(to, entry, tables);
        }

        using var whole = new MemoryStream();
        using (var to = new BinaryWriter(whole, Encoding.UTF8, leaveOpen: true))
        {
            to.Write(Beginning);
            tables.Write(to);
            to.Write7BitEncodedInt(entries.Count);
        }

        body.WriteTo(whole);
        return whole.ToArray();
    }

    /// <exception cref="InvalidDataException">They are not a segment's, of this version.</exception>
    public static SettledEntry[] Read(byte[] bytes)
    {
        try
        {
            using var from = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
            if (!from.ReadBytes(Beginning.Length).AsSpan().SequenceEqual(Beginning)) throw new InvalidDataException("it begins otherwise");
            var tables = new Tables(from);
            var entries = new SettledEntry[Count(from)];
            for (var i = 0; i < entries.Length; i++) entries[i] = Read(from, tables);
            return entries;
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException or JsonException or IndexOutOfRangeException or OverflowException
            or ArgumentException)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    private static void Write(BinaryWriter to, SettledEntry entry, TableWriter tables)
    {
        var run = entry.Run;
        to.Write((ushort)(
            Flag(Has.ETag, entry.ETag is not null) | Flag(Has.Run, run is not null) | Flag(Has.Damage, entry.Damage is not null)
            | Flag(Has.IsNewer, entry.Damage is { IsNewer: true }) | Flag(Has.Cause, run?.Cause is not null)
            | Flag(Has.Started, run?.Started is not null) | Flag(Has.Ended, run?.Ended is not null) | Flag(Has.Step, run?.Step is not null)
            | Flag(Has.By, run?.By is not null) | Flag(Has.Checks, run?.Checks is not null) | Flag(Has.Seed, run?.Seed is not null)));
        to.Write(entry.Id);
        if (entry.ETag is { } etag) to.Write(etag);
        if (entry.Damage is { } damage)
        {
            to.Write(damage.Key);
            to.Write(damage.Why);
        }

        if (run is null) return;
        foreach (var text in (string[])[run.Project, run.Experiment, run.Machine, EnumNames.Of(run.State)]) Text(text);
        if (run.Cause is { } cause) Text(EnumNames.Of(cause));
        if (run.By is { } by) Text(by);
        foreach (var number in (int[])[run.Version, run.Epoch, run.MetricsLeftOut, run.ParamsLeftOut]) to.Write7BitEncodedInt(number);
        Time(run.Created);
        if (run.Started is { } started) Time(started);
        if (run.Ended is { } ended) Time(ended);
        if (run.Step is { } step) to.Write(step);
        if (run.Seed is { } seed) to.Write(seed);
        if (run.Checks is { } checks)
        {
            to.Write7BitEncodedInt(checks.Passed);
            to.Write7BitEncodedInt(checks.Failed);
        }

        to.Write7BitEncodedInt(tables.Names(run.Tags));
        to.Write7BitEncodedInt(tables.Names(run.Metrics.Keys));
        foreach (var value in run.Metrics.Values) to.Write(value);
        to.Write7BitEncodedInt(tables.Names(run.Params.Keys));
        foreach (var value in run.Params.Values) to.Write7BitEncodedInt(tables.Value(value));

        void Text(string text) => to.Write7BitEncodedInt(tables.Text(text));

        void Time(DateTimeOffset at)
        {
            to.Write(at.Ticks);
            to.Write((short)at.TotalOffsetMinutes);
        }
    }

    private static SettledEntry Read(BinaryReader from, Tables tables)
    {
        var has = (Has)from.ReadUInt16();
        var id = from.ReadString();
        var etag = Is(Has.ETag) ? from.ReadString() : null;
        var damage = Is(Has.Damage) ? new DamagedRecord(from.ReadString(), from.ReadString(), Is(Has.IsNewer)) : null;
        if (!Is(Has.Run)) return new(id, etag, null, damage);
        var (project, experiment, machine, state) = (Text(), Text(), Text(), Known<RunState>());
        Cause? cause = Is(Has.Cause) ? Known<Cause>() : null;
        var by = Is(Has.By) ? Text() : null;
        var (version, epoch, metricsLeftOut, paramsLeftOut) = (Number(), Number(), Number(), Number());
        var created = Time();
        DateTimeOffset? started = Is(Has.Started) ? Time() : null, ended = Is(Has.Ended) ? Time() : null;
        long? step = Is(Has.Step) ? from.ReadInt64() : null, seed = Is(Has.Seed) ? from.ReadInt64() : null;
        var checks = Is(Has.Checks) ? new CheckTally(Number(), Number()) : null;
        var tags = tables.Names[Number()];
        var metricNames = tables.Names[Number()];
        var metrics = new double[metricNames.Length];
        from.BaseStream.ReadExactly(MemoryMarshal.AsBytes(metrics.AsSpan()));
        var paramNames = tables.Names[Number()];
        var parameters = new JsonElement[paramNames.Length];
        foreach (ref var value in parameters.AsSpan()) value = tables.Values[Number()];
        return new(id, etag, new(
            id, project, experiment, version, state, cause, created, started, ended, machine, epoch, step, by, tags,
            new NamedValues<double>(metricNames, metrics), new NamedValues<JsonElement>(paramNames, parameters),
            metricsLeftOut, paramsLeftOut, checks, seed), damage);

        bool Is(Has what) => (has & what) != 0;

        int Number() => from.Read7BitEncodedInt();

        string Text() => tables.Texts[from.Read7BitEncodedInt()];

        T Known<T>() where T : struct, Enum => EnumNames.Parse<T>(Text()) ?? throw new FormatException("a state or a cause is unknown");

        DateTimeOffset Time() => new(from.ReadInt64(), TimeSpan.FromMinutes(from.ReadInt16()));
    }

    // No more than there are bytes.
    private static int Count(BinaryReader from)
    {
        var count = from.Read7BitEncodedInt();
        return count >= 0 && count <= from.BaseStream.Length ? count : throw new InvalidDataException("a count is wrong");
    }

    private static Has Flag(Has flag, bool isSet) => isSet ? flag : 0;

    private sealed class TableWriter
    {
        private readonly OrderedDictionary<string, bool> texts = new(StringComparer.Ordinal);
        private readonly OrderedDictionary<string, string[]> names = new(StringComparer.Ordinal);
        private readonly OrderedDictionary<string, bool> values = new(StringComparer.Ordinal);

        public int Text(string text) => Place(texts, text, true);

        public int Names(IEnumerable<string> all)
        {
            string[] own = [.. all];
            foreach (var name in own) Text(name);

            // Lengths, so that no two lists look alike.
            return Place(names, string.Concat(own.Select(name => $"{name.Length}:{name}")), own);
        }

        public int Value(JsonElement value) => Place(values, Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(value)), true);

        public void Write(BinaryWriter to)
        {
            to.Write7BitEncodedInt(texts.Count);
            foreach (var text in texts.Keys) to.Write(text);
            to.Write7BitEncodedInt(names.Count);
            foreach (var list in names.Values)
            {
                to.Write7BitEncodedInt(list.Length);
                foreach (var name in list) to.Write7BitEncodedInt(Text(name));
            }

            to.Write($"[{string.Join(',', values.Keys)}]");
        }

        private static int Place<T>(OrderedDictionary<string, T> table, string key, T value)
        {
            table.TryAdd(key, value, out var place);
            return place;
        }
    }

    private sealed class Tables
    {
        public Tables(BinaryReader from)
        {
            Texts = new string[Count(from)];
            for (var i = 0; i < Texts.Length; i++) Texts[i] = from.ReadString();
            Names = new string[Count(from)][];
            for (var i = 0; i < Names.Length; i++)
            {
                Names[i] = new string[Count(from)];
                for (var j = 0; j < Names[i].Length; j++) Names[i][j] = Texts[from.Read7BitEncodedInt()];
            }

            Values = [.. JsonElement.Parse(from.ReadString()).EnumerateArray()];
        }

        public string[] Texts { get; }
        public string[][] Names { get; }
        public JsonElement[] Values { get; }
    }
}
