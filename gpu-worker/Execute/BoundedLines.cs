using System.Text;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Lines of a pipe that code can reach: whatever comes is taken, so that nobody waits, and of
/// each line the beginning is kept, so that nobody's memory is filled.
/// </summary>
sealed class BoundedLines(Stream pipe) : IDisposable
{
    public const int MaxBytes = 8 * 1024;

    private readonly byte[] buffer = new byte[16 * 1024], line = new byte[MaxBytes];
    private int at, end;

    /// <summary>Null at the end of the pipe.</summary>
    public string? ReadLine()
    {
        var length = 0;
        var any = false;
        while (at < end || Fill())
        {
            any = true;
            var one = buffer[at++];
            if (one == (byte)'\n') break;
            if (length < line.Length) line[length++] = one;
        }

        return any ? Encoding.UTF8.GetString(line, 0, length) : null;
    }

    public void Dispose() => pipe.Dispose();

    private bool Fill()
    {
        (at, end) = (0, pipe.Read(buffer, 0, buffer.Length));
        return end > 0;
    }
}
