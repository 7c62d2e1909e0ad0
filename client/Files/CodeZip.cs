using System.IO.Compression;

namespace Serverless.Client;

/// <summary>Packs code that a program has in memory, for <see cref="ServerlessClient.PutCode"/>.</summary>
public static class CodeZip
{
    // Packing the same again gives the same bytes.
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <param name="files">Each file's path, with '/', and its text.</param>
    public static byte[] Of(params IEnumerable<(string Path, string Text)> files)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create))
        {
            foreach (var (path, text) in files.OrderBy(file => file.Path, StringComparer.Ordinal))
            {
                var entry = zip.CreateEntry(path);
                entry.LastWriteTime = Epoch;
                using var writer = new StreamWriter(entry.Open());
                writer.Write(text);
            }
        }

        return bytes.ToArray();
    }
}
