using System.Buffers.Binary;
using System.IO.Compression;
using ICSharpCode.SharpZipLib.Checksum;

namespace Serverless.Media;

/// <summary>Grey or coloured pixels as a PNG file.</summary>
static class Png
{
    private const byte Grey = 0, Colour = 2;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n'];

    /// <param name="pixels">Row by row; of a coloured image three bytes a pixel.</param>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height, bool isColoured)
    {
        var stride = width * (isColoured ? 3 : 1);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (var row = 0; row < height; row++)
            {
                // Rows as they are: no filter.
                zlib.WriteByte(0);
                zlib.Write(pixels.Slice(row * stride, stride));
            }
        }

        var head = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(head, width);
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), height);
        (head[8], head[9]) = (8, isColoured ? Colour : Grey);
        using var file = new MemoryStream();
        file.Write(Signature);
        Chunk(file, "IHDR"u8, head);
        Chunk(file, "IDAT"u8, packed.ToArray());
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static void Chunk(Stream to, ReadOnlySpan<byte> type, byte[] content)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        to.Write(number);
        to.Write(type);
        to.Write(content);
        var checksum = new Crc32();
        checksum.Update(type.ToArray());
        checksum.Update(content);
        BinaryPrimitives.WriteUInt32BigEndian(number, (uint)checksum.Value);
        to.Write(number);
    }
}
