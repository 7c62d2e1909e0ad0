namespace Serverless.Client;

/// <summary>Contents on their way to files of this machine.</summary>
public static class Downloads
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Writes a file that appears only when it is whole.</summary>
    /// <param name="open">One of the client's calls that open a content.</param>
    /// <param name="progress">Told how many bytes have come.</param>
    /// <exception cref="ApiException">It did not come as a whole.</exception>
    /// <exception cref="ContentMismatchException">It is not what it should be.</exception>
    public static async Task Save(
        Func<CancellationToken, Task<Stream>> open, string file, IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        await Write(file, async to =>
        {
            await using var from = await open(cancel);
            var buffer = new byte[BufferBytes];
            long position = 0;
            for (int read; (read = await from.ReadAsync(buffer, cancel)) > 0;)
            {
                await to.WriteAsync(buffer.AsMemory(0, read), cancel);
                progress?.Report(position += read);
            }
        });
    }

    /// <summary>The same, of what somebody writes.</summary>
    public static async Task Write(string file, Func<Stream, Task> write)
    {
        file = PlaceOf(file);
        var folder = Directory.CreateDirectory(Path.GetDirectoryName(file)!).FullName;

        // A name that nobody else has: other downloads and other people's files are beside it.
        var partial = Path.Combine(folder, $".{Path.GetRandomFileName()}.partial");
        try
        {
            await using (var to = new FileStream(partial, FileMode.CreateNew, FileAccess.ReadWrite)) await write(to);
            File.Move(partial, file, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Where what is saved as a file comes to lie: a link stays one, and what it leads to gets the content, as cp has it.</summary>
    public static string PlaceOf(string file) => new FileInfo(file).LinkTarget is null
        ? Path.GetFullPath(file)
        : File.ResolveLinkTarget(file, returnFinalTarget: true)!.FullName;
}
