using System.IO.Compression;
using System.Security.Cryptography;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Code;

/// <summary>A code snapshot: packing one from a folder or a file, and looking into or unpacking one that came from elsewhere.</summary>
public sealed class CodePackage
{
    /// <summary>The least that a zip can say.</summary>
    private static readonly DateTimeOffset NoTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const int ReadableFile = 0x81A4;

    private CodePackage(byte[] zip, CodeFacts facts)
    {
        Zip = zip;
        Facts = facts;
    }

    public ReadOnlyMemory<byte> Zip { get; }
    public CodeFacts Facts { get; }

    /// <summary>
    /// Packs a folder, or one file. What is hidden, <c>bin</c>, <c>obj</c>, <c>runs</c>, <c>node_modules</c> and <c>__pycache__</c> stay out, and
    /// what the folder's <c>.expignore</c> names;
    /// the same files give the same zip, wherever and whenever.
    /// </summary>
    /// <param name="include">Only files that match one of these; null: all. One that names what would stay out takes it in.</param>
    /// <exception cref="SnapshotRefusedException">
    /// Nothing to pack, or nothing that matches one of <paramref name="include"/>; too large; a link that
    /// leads out, a pipe, a socket, a device; the message says what to change.
    /// </exception>
    public static CodePackage Pack(string path, IReadOnlyList<string>? include = null, CodeLimits? limits = null, CancellationToken cancel = default)
    {
        limits ??= CodeLimits.Default;
        var files = CodeFolder.Find(path, include, limits);
        using var zip = new MemoryStream();
        var facts = new List<CodeFileFact>(files.Count);
        using (var archive = new ZipArchive(zip, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, file) in files)
            {
                cancel.ThrowIfCancellationRequested();
                var content = Read(name, file, limits);
                var entry = archive.CreateEntry(name, CompressionLevel.Optimal);
                entry.LastWriteTime = NoTime;
                entry.ExternalAttributes = ReadableFile << 16;
                using (var to = entry.Open()) to.Write(content);
                facts.Add(new(name, content.LongLength, Convert.ToHexStringLower(SHA256.HashData(content))));
            }
        }

        if (zip.Length > limits.ZipBytes) throw CodeFolder.TooLarge("packed", zip.Length, limits.ZipBytes, files);
        var bytes = zip.ToArray();
        return new(bytes, new(Convert.ToHexStringLower(SHA256.HashData(bytes)), CodeTree.Hash(facts), bytes.Length, facts));
    }

    private static byte[] Read(string name, string path, CodeLimits limits)
    {
        try
        {
            using var file = PlainFile.Open(path);
            return file.ReadAll((int)Math.Min(limits.UnpackedBytes, Array.MaxLength));
        }
        catch (IOException problem)
        {
            throw new SnapshotRefusedException($"'{name}': {problem.Message}");
        }
    }

    /// <summary>Looks through a zip that came from elsewhere, down to the last byte of each file.</summary>
    /// <param name="zip">Seekable; read from its beginning.</param>
    /// <exception cref="SnapshotRefusedException">
    /// Not a zip; encrypted; a path that escapes, repeats another (also by upper and lower case) or is no <see cref="Storage.ObjectKey"/>; a link;
    /// too many entries, or too much when unpacked.
    /// </exception>
    public static CodeFacts Inspect(Stream zip, CodeLimits? limits = null, CancellationToken cancel = default) =>
        SnapshotZip.Read(zip, limits ?? CodeLimits.Default, into: null, cancel);

    /// <summary>
    /// Unpacks into a folder that does not exist yet or is empty, with the checks of <see cref="Inspect"/>. Files that begin with "#!" or are native
    /// executables become executable: that is
    /// seen from the content, so that a snapshot packed on any system runs the same.
    /// </summary>
    /// <exception cref="SnapshotRefusedException">As <see cref="Inspect"/>; part of the files may have been written.</exception>
    public static CodeFacts Unpack(Stream zip, string folder, CodeLimits? limits = null, CancellationToken cancel = default)
    {
        folder = Path.GetFullPath(folder);
        NestedFolder.Make(Path.GetDirectoryName(folder) ?? folder, folder);
        if (Directory.EnumerateFileSystemEntries(folder).Any()) throw new ArgumentException($"{folder} is not empty", nameof(folder));
        var facts = SnapshotZip.Read(zip, limits ?? CodeLimits.Default, Create, cancel);
        if (!OperatingSystem.IsWindows())
        {
            foreach (var file in facts.Files) MakeExecutableIfProgram(Path.Combine(folder, file.Path));
        }

        return facts;

        FileStream Create(string path)
        {
            var file = Path.Combine(folder, path);
            NestedFolder.Make(folder, Path.GetDirectoryName(file)!);
            return new(file, FileMode.CreateNew, FileAccess.Write);
        }
    }

    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private static void MakeExecutableIfProgram(string file)
    {
        Span<byte> start = stackalloc byte[4];
        using (var stream = File.OpenRead(file)) start = start[..stream.ReadAtLeast(start, 4, throwOnEndOfStream: false)];
        var isProgram = start.StartsWith("#!"u8) || start.StartsWith("\x7fELF"u8)
            || start is [0xCF or 0xCE, 0xFA, 0xED, 0xFE] or [0xCA, 0xFE, 0xBA, 0xBE];
        if (isProgram)
        {
            File.SetUnixFileMode(file, File.GetUnixFileMode(file) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }
    }
}
