using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using System.Security.Cryptography;
using Serverless.Core.Storage;

namespace Serverless.Core.Code;

/// <summary>Reads a zip that somebody else made, believing nothing in it: names, types, counts and lengths are checked as the bytes come.</summary>
internal static class SnapshotZip
{
    private const int TypeMask = 0xF000, RegularFile = 0x8000, FolderType = 0x4000;
    private const int WindowsReparsePoint = 0x400;

    /// <param name="zip">Seekable; read from its beginning.</param>
    /// <param name="into">Receives each file: path, a stream to write its content to, or null to only look.</param>
    /// <exception cref="SnapshotRefusedException">Something in it is not as it must be.</exception>
    public static CodeFacts Read(Stream zip, CodeLimits limits, Func<string, Stream?>? into, CancellationToken cancel)
    {
        if (zip.Length > limits.ZipBytes)
        {
            throw new SnapshotRefusedException(
                $"the code is {Sizes.Text(zip.Length)} packed, the limit is {Sizes.Text(limits.ZipBytes)}; put data under data/ and name it under " +
                "inputs");
        }

        zip.Position = 0;
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(zip));
        CheckDirectory(zip, limits);
        try
        {
            zip.Position = 0;
            using var archive = new ZipArchive(zip, ZipArchiveMode.Read, leaveOpen: true);
            var entries = Checked(archive);
            var files = new List<CodeFileFact>(entries.Count);
            var unpacked = 0L;
            foreach (var (path, entry) in entries)
            {
                cancel.ThrowIfCancellationRequested();
                using var to = into?.Invoke(path);
                files.Add(Content(path, entry, to, limits, ref unpacked));
            }

            files.Sort((a, b) => CodeTree.Order.Compare(a.Path, b.Path));
            return new(sha256, CodeTree.Hash(files), zip.Length, files);
        }
        catch (InvalidDataException e)
        {
            throw new SnapshotRefusedException($"not a zip that can be read: {e.Message}", e);
        }
    }

    private static List<(string Path, ZipArchiveEntry Entry)> Checked(ZipArchive archive)
    {
        var files = new List<(string Path, ZipArchiveEntry Entry)>();
        var folders = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var names = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var entry in archive.Entries)
        {
            var name = entry.FullName;
            var isFolder = name.EndsWith('/');
            var path = isFolder ? name[..^1] : name;
            if (ObjectKey.Problem(path) is { } problem) throw Refused(name, problem);
            if (path.Length > 1 && path[1] == ':' && char.IsAsciiLetter(path[0])) throw Refused(name, "the path begins with a drive");
            if (path.Contains('\uFFFD', StringComparison.Ordinal)) throw Refused(name, "the path is not UTF-8");
            var type = (entry.ExternalAttributes >> 16) & TypeMask;
            if ((type != 0 && type != (isFolder ? FolderType : RegularFile)) || (entry.ExternalAttributes & WindowsReparsePoint) != 0)
            {
                throw Refused(name, "it is a link or a device; only files and folders can be in a snapshot");
            }

            if (entry.IsEncrypted) throw Refused(name, "it is encrypted");
            if (isFolder)
            {
                if (entry.Length != 0) throw Refused(name, "a folder with content");
                folders.Add(path);
                continue;
            }

            if (!names.TryAdd(path, path))
            {
                throw names[path] == path
                    ? Refused(name, "it is there twice")
                    : Refused(
                        name, $"it differs from '{names[path]}' in upper and lower case only, which not every file system can hold; rename one");
            }

            for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1)) folders.Add(path[..slash]);
            files.Add((path, entry));
        }

        if (names.Keys.FirstOrDefault(folders.Contains) is { } both) throw Refused(both, "it is a file and a folder");
        return files.Count > 0 ? files : throw new SnapshotRefusedException("the zip has no files");
    }

    private static CodeFileFact Content(string path, ZipArchiveEntry entry, Stream? to, CodeLimits limits, ref long unpacked)
    {
        using var from = entry.Open();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var sum = new Crc32();
        var buffer = ArrayPool<byte>.Shared.Rent(81920);
        try
        {
            var length = 0L;
            for (int read; (read = from.Read(buffer)) > 0;)
            {
                length += read;
                if ((unpacked += read) > limits.UnpackedBytes)
                {
                    throw new SnapshotRefusedException(
                        $"the code is more than {Sizes.Text(limits.UnpackedBytes)} unpacked; put data under data/ and name it under inputs");
                }

                hash.AppendData(buffer, 0, read);
                sum.Append(buffer.AsSpan(0, read));
                to?.Write(buffer, 0, read);
            }

            // A header that claims less than there is would cut the content here, and not in other readers of the same zip.
            if (length != entry.Length || sum.GetCurrentHashAsUInt32() != entry.Crc32)
            {
                throw Refused(path, "its content is not what its header says; pack again");
            }

            return new(path, length, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Counts the entries of the central directory before anything makes an object of each, whatever number the zip itself claims.</summary>
    private static void CheckDirectory(Stream zip, CodeLimits limits)
    {
        const int end = 22, header = 46;
        var tail = new byte[(int)Math.Min(zip.Length, end + ushort.MaxValue)];
        zip.Position = zip.Length - tail.Length;
        zip.ReadExactly(tail);
        var at = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (at < 0 || at + end > tail.Length || at + end + BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 20)) != tail.Length)
        {
            throw new SnapshotRefusedException("not a zip, or cut short");
        }

        long length = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 12)),
            offset = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 16));
        var ends = zip.Length - tail.Length + at;
        if (offset == uint.MaxValue || length == uint.MaxValue) throw new SnapshotRefusedException("zip64 is not read; code never needs it");
        if (offset + length > ends) throw new SnapshotRefusedException("not a zip, or cut short");
        var count = 0;
        Span<byte> fields = stackalloc byte[header];
        for (var position = offset; position + header <= ends;)
        {
            zip.Position = position;
            zip.ReadExactly(fields);
            if (!fields[..4].SequenceEqual("PK\x01\x02"u8)) break;
            if (++count > limits.Entries)
            {
                throw new SnapshotRefusedException($"more than {limits.Entries} files and folders; put data under data/ and name it under inputs");
            }

            position += header;
            foreach (var variable in (ReadOnlySpan<int>)[28, 30, 32]) position += BinaryPrimitives.ReadUInt16LittleEndian(fields[variable..]);
        }
    }

    private static SnapshotRefusedException Refused(string name, string why) => new($"'{Excerpt.Of(name, 200)}' in the zip: {why}");
}

public static class Sizes
{
    /// <summary>For messages.</summary>
    public const string Wanted = "a size such as 20GB or 500MB";

    /// <summary>A number and its unit, MB, GB or TB (powers of 1024). Null: it is something else.</summary>
    public static long? Parse(string text)
    {
        var number = text.AsSpan().Trim().TrimEnd("iIbB");
        int? shift = number is [.., var unit] ? char.ToUpperInvariant(unit) switch { 'M' => 20, 'G' => 30, 'T' => 40, _ => null } : null;
        if (shift is null) return null;
        if (!double.TryParse(number[..^1].TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)) return null;
        return value * (1L << shift.Value) is var bytes && bytes is >= 1 and < 1L << 60 ? (long)bytes : null;
    }

    public static string Text(long bytes) => bytes switch
    {
        >= 10L << 30 => $"{bytes / (double)(1L << 30):0} GiB",
        >= 1L << 30 => $"{bytes / (double)(1L << 30):0.0} GiB",
        >= 10L << 20 => $"{bytes / (double)(1L << 20):0} MiB",
        >= 1L << 20 => $"{bytes / (double)(1L << 20):0.0} MiB",
        >= 1L << 10 => $"{bytes / (double)(1L << 10):0} KiB",
        _ => $"{bytes} bytes",
    };
}
