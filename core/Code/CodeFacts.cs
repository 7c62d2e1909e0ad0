using System.Security.Cryptography;
using System.Text;

namespace Serverless.Core.Code;

/// <summary>What is known of a code snapshot; kept beside it as <c>code/{sha256}.json</c>.</summary>
/// <param name="Sha256">Of the zip.</param>
/// <param name="Tree">See <see cref="CodeTree"/>.</param>
/// <param name="LengthBytes">Of the zip.</param>
/// <param name="Files">In the order of <see cref="CodeTree"/>.</param>
public sealed record CodeFacts(string Sha256, string Tree, long LengthBytes, IReadOnlyList<CodeFileFact> Files);

/// <param name="Path">Relative, with '/'.</param>
/// <param name="LengthBytes">Unpacked.</param>
public sealed record CodeFileFact(string Path, long LengthBytes, string Sha256);

/// <summary>
/// The tree hash: SHA-256, in lower-case hexadecimal, of the line <c>serverless-tree-1</c> and then, for each file in ordinal order of its UTF-8
/// path, the line
/// <c>{sha256 of the content} {path}</c>; each line ends with one line feed. Packing, times, folders without files and permissions play no part:
/// whether a file is executable
/// is seen from its content when it is unpacked.
/// </summary>
public static class CodeTree
{
    public static string Hash(IEnumerable<CodeFileFact> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("serverless-tree-1\n"u8);
        foreach (var file in files.OrderBy(file => file.Path, Order)) hash.AppendData(Encoding.UTF8.GetBytes($"{file.Sha256} {file.Path}\n"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>By bytes of UTF-8: the same on every platform, and what sort does in the C locale.</summary>
    public static IComparer<string> Order { get; } = Comparer<string>.Create(
        (a, b) => Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)));
}

/// <summary>How large code may be. Data belongs under <c>data/</c>, where it is stored once and named by <c>inputs</c>.</summary>
public sealed record CodeLimits
{
    /// <summary>Length of the zip; default 100 MiB.</summary>
    public long ZipBytes { get; init; } = 100L * 1024 * 1024;

    /// <summary>Length of all files, unpacked, as counted while unpacking; default 500 MiB.</summary>
    public long UnpackedBytes { get; init; } = 500L * 1024 * 1024;

    /// <summary>Files and folders; default 20,000.</summary>
    public int Entries { get; init; } = 20_000;

    public static CodeLimits Default { get; } = new();
}

/// <summary>The code cannot be packed, or the zip is not one that a worker would unpack. The message says what to change.</summary>
public sealed class SnapshotRefusedException(string message, Exception? inner = null) : Exception(message, inner);
