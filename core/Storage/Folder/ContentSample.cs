using System.Buffers.Binary;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// A hash of a file's length and content that is cheap for any length: of the whole when it is small, else of places spread evenly over it, its
/// beginning and its end. A copy has the same, whatever became of its times.
/// </summary>
internal static class ContentSample
{
    private const int Places = 16, PlaceBytes = 4096;

    /// <summary>Null when there is no plain file, or it cannot be read.</summary>
    public static UInt128? Of(string path)
    {
        try
        {
            if (FileCalls.LookAt(path).Kind != FileKind.File) return null;
            using var file = FileCalls.OpenPath(path);
            return Of(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static UInt128 Of(SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        var hash = new XxHash128();
        Span<byte> buffer = stackalloc byte[PlaceBytes];
        BinaryPrimitives.WriteInt64LittleEndian(buffer, length);
        hash.Append(buffer[..sizeof(long)]);
        for (var place = 0; place < Places; place++)
        {
            var at = length <= Places * PlaceBytes ? (long)place * PlaceBytes : (length - PlaceBytes) / (Places - 1) * place;
            if (place == Places - 1) at = Math.Max(at, length - PlaceBytes);
            hash.Append(buffer[..RandomAccess.Read(file, buffer, at)]);
        }

        return hash.GetCurrentHashAsUInt128();
    }
}
