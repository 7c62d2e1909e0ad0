using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Prepare;

/// <summary>What is in a seal, without what it says of each name.</summary>
/// <param name="LengthBytes">Of all files together.</param>
/// <param name="Count">Of all names.</param>
sealed record SealSummary(long LengthBytes, int Count)
{
    private const long MaxSmallBytes = 64L << 20;
    private const int MaxSmallCount = 10_000;

    /// <summary>Small enough to read, or to copy, for every run.</summary>
    public bool IsSmall => LengthBytes <= MaxSmallBytes && Count <= MaxSmallCount;
}

/// <summary>
/// What a folder had when it was finished: each name with its kind, length and times, and what small folders hold by hash. Code can set the time of a
/// file's last write, but not the time of its last change, so whatever is done to a file or to its name shows; what a disk does to its bytes shows
/// where there is a hash. Inodes tell no more, and some file systems number them anew.
/// </summary>
static class Seal
{
    private const uint Magic = 0x4c414553;
    private const int MaxDepth = 256, MaxNames = 1_000_000, BufferBytes = 64 * 1024;

    private static readonly byte[] NoHash = new byte[SHA256.HashSizeInBytes];

    /// <exception cref="InvalidDataException">There is no end of folders in it, or of names in one of them.</exception>
    public static SealSummary Write(string folder, string seal)
    {
        var facts = new SealSummary(0, 0);
        foreach (var found in Walk(folder)) facts = new(facts.LengthBytes + LengthOf(found.Look), facts.Count + 1);
        using var writer = new BinaryWriter(new FileStream(seal, FileMode.Create, FileAccess.Write, FileShare.None), Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(facts.LengthBytes);
        writer.Write(facts.Count);
        foreach (var found in Walk(folder))
        {
            Write(writer, new(found.Path, found.Look.Kind, StateOf(found.Look), facts.IsSmall ? found.Hash() : NoHash));
        }

        return facts;
    }

    /// <summary>Null when there is no seal, or none that can be read.</summary>
    public static SealSummary? Read(string seal)
    {
        using var reader = Open(seal);
        return reader is null ? null : ReadFacts(reader);
    }

    /// <summary>
    /// The first thing that is not as it was: its path in the folder and what is different, for people; null when all is as it was.
    /// </summary>
    /// <param name="contents">Also by hash, where the seal has them.</param>
    public static string? Difference(string folder, string seal, bool contents)
    {
        try
        {
            using var reader = Open(seal);
            return reader is null || ReadFacts(reader) is not { } facts ? "there is no seal of it" : Difference(folder, reader, facts, contents);
        }
        catch (EndOfStreamException)
        {
            return "its seal is damaged";
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return unreadable.Message;
        }
    }

    private static string? Difference(string folder, BinaryReader reader, SealSummary facts, bool contents)
    {
        // A folder changes with the names in it: what happened to those tells more.
        string? ofFolder = null;
        var left = facts.Count;
        try
        {
            foreach (var found in Walk(folder))
            {
                if (left-- == 0) return Text(found.Path, "it was added");
                var then = ReadEntry(reader);
                var order = string.CompareOrdinal(Order(found.Path), Order(then.Path));
                if (order != 0) return order < 0 ? Text(found.Path, "it was added") : Text(then.Path, "it is gone");
                if (Difference(found, then) is { } difference)
                {
                    if (found.Look.Kind != FileKind.Folder || then.Kind != FileKind.Folder) return Text(then.Path, difference);
                    ofFolder ??= Text(then.Path, difference);
                }
                else if (contents && !then.Hash.AsSpan().SequenceEqual(NoHash) && !found.Hash().AsSpan().SequenceEqual(then.Hash))
                {
                    return Text(then.Path, "its content is damaged: it has another hash");
                }
            }
        }
        catch (InvalidDataException endless)
        {
            return ofFolder ?? endless.Message;
        }

        return left > 0 ? Text(ReadEntry(reader).Path, "it is gone") : ofFolder;
    }

    private static string? Difference(Found found, SealedEntry then)
    {
        var (now, before) = (StateOf(found.Look), then.State);
        if (found.Look.Kind != then.Kind) return found.Look.Problem ?? "it is a file";
        if (now == before) return null;
        if (then.Kind == FileKind.Folder) return "what is in it, or its rights, were changed";
        var (length, lengthBefore) = (now.LengthBytes, before.LengthBytes);
        if (length != lengthBefore) return FormattableString.Invariant($"it has {length} bytes instead of {lengthBefore}");
        return now.Modified != before.Modified ? "it was written to" : "its content or its rights were changed";
    }

    private static string Text(string path, string what) => path.Length > 0 ? $"{path}: {what}" : what;

    // The order of a walk, in which a folder comes right before what is in it.
    private static string Order(string path) => path.Replace('/', '\0');

    private static FileState StateOf(FileStat look) =>
        look.State with { Inode = 0, LengthBytes = look.Kind == FileKind.Folder ? 0 : look.State.LengthBytes };

    private static long LengthOf(FileStat look) => look.Kind == FileKind.File ? look.State.LengthBytes : 0;

    private static BinaryReader? Open(string seal)
    {
        try
        {
            var file = PlainFile.Open(Path.GetDirectoryName(seal)!, Path.GetFileName(seal));
            return file is null ? null : new(new BufferedStream(file.Content, BufferBytes), Encoding.UTF8);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static SealSummary? ReadFacts(BinaryReader reader)
    {
        try
        {
            if (reader.ReadUInt32() != Magic) return null;
            var facts = new SealSummary(reader.ReadInt64(), reader.ReadInt32());
            return facts is { LengthBytes: >= 0, Count: > 0 } ? facts : null;
        }
        catch (EndOfStreamException)
        {
            return null;
        }
    }

    private static void Write(BinaryWriter to, SealedEntry entry)
    {
        to.Write(entry.Path);
        to.Write((byte)entry.Kind);
        to.Write(entry.State.LengthBytes);
        foreach (var time in (UnixTime[])[entry.State.Modified, entry.State.Changed])
        {
            to.Write(time.Seconds);
            to.Write(time.Nanoseconds);
        }

        to.Write(entry.Hash);
    }

    private static SealedEntry ReadEntry(BinaryReader from)
    {
        try
        {
            var (path, kind, length) = (from.ReadString(), (FileKind)from.ReadByte(), from.ReadInt64());
            var (modified, changed) = (ReadTime(from), ReadTime(from));
            return new(path, kind, new(length, modified, changed), from.ReadBytes(NoHash.Length));
        }
        catch (FormatException damaged)
        {
            throw new EndOfStreamException(damaged.Message, damaged);
        }
    }

    private static UnixTime ReadTime(BinaryReader from) => new(from.ReadInt64(), from.ReadUInt32());

    /// <summary>The folder itself, and all that is in it: in an order that depends on names alone.</summary>
    private static IEnumerable<Found> Walk(string root)
    {
        using var folder = PlainFolder.Open(root);
        if (folder is null) yield break;
        yield return new("", FileCalls.LookAt(root), folder, ".");
        foreach (var found in Walk(folder, "", 0)) yield return found;
    }

    private static IEnumerable<Found> Walk(PlainFolder folder, string path, int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException($"folders in it are nested more than {MaxDepth} deep");
        var names = folder.Entries().Take(MaxNames + 1).ToList();
        if (names.Count > MaxNames) throw new InvalidDataException($"{path.TrimEnd('/')} holds more than {MaxNames} names");
        names.Sort((a, b) => string.CompareOrdinal(Unique(a), Unique(b)));
        foreach (var entry in names)
        {
            var here = path + Unique(entry);
            yield return new(here, entry.Look, folder, entry.Name);
            if (!entry.IsFolder || entry.Problem is not null) continue;
            using var inner = Enter(folder, entry.Name);
            if (inner is null) continue;
            foreach (var found in Walk(inner, here + "/", depth + 1)) yield return found;
        }
    }

    // What bytes that are not UTF-8 look like may be the same for several names.
    private static string Unique(PlainEntry entry) =>
        entry.Name.Contains('\uFFFD', StringComparison.Ordinal)
            ? FormattableString.Invariant($"{entry.Name} (inode {entry.Look.State.Inode})") : entry.Name;

    private static PlainFolder? Enter(PlainFolder folder, string name)
    {
        try
        {
            return folder.Folder(name);
        }
        catch (NotPlainException)
        {
            // It may not be read, neither here nor by code; or something was mounted there, and then its times are others as well.
            return null;
        }
    }

    private sealed record SealedEntry(string Path, FileKind Kind, FileState State, byte[] Hash);

    private readonly record struct Found(string Path, FileStat Look, PlainFolder Folder, string Name)
    {
        /// <summary>Of its content; none when it has none, or none that can be read.</summary>
        public byte[] Hash()
        {
            if (Look.Kind != FileKind.File) return NoHash;
            try
            {
                using var file = Folder.File(Name);
                return file is null ? NoHash : SHA256.HashData(file.Content);
            }
            catch (NotPlainException)
            {
                return NoHash;
            }
        }
    }
}
