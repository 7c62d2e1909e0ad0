using System.Buffers.Text;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Measure;

/// <summary>What some processes have used up to now, together with those of their children that are gone.</summary>
/// <param name="MemoryBytes">What is resident of each, as top shows it: what several share counts for each.</param>
/// <param name="ReadBytes">From disks; the page cache and pipes cost nothing.</param>
readonly record struct ProcessUsage(TimeSpan Cpu, long MemoryBytes, long ReadBytes, long WrittenBytes)
{
    /// <summary>The unit in which Linux tells times to programs, on every architecture that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    // Behind the name: state is the third field; utime, stime, cutime and cstime are the fourteenth to the seventeenth.
    private const int UserTimeAt = 11, Times = 4, ResidentAt = 1;

    /// <summary>One that ends meanwhile is left out; what it used is its parent's by then.</summary>
    public static ProcessUsage Of(IEnumerable<int> processes)
    {
        var (ticks, memory, read, written) = (0L, 0L, 0L, 0L);
        foreach (var id in processes)
        {
            if (ProcessTree.Read($"/proc/{id}/stat") is not { } stat) continue;
            var fields = stat.AsSpan(stat.AsSpan().LastIndexOf((byte)')') + 2);
            for (var i = 0; i < Times; i++) ticks += Field(fields, UserTimeAt + i);
            if (ProcessTree.Read($"/proc/{id}/statm") is { } pages) memory += Field(pages, ResidentAt) * Environment.SystemPageSize;
            if (ProcessTree.Read($"/proc/{id}/io") is not { } io) continue;
            read += Named(io, "\nread_bytes: "u8);
            written += Named(io, "\nwrite_bytes: "u8) - Named(io, "\ncancelled_write_bytes: "u8);
        }

        return new(Time(ticks), memory, read, written);
    }

    /// <summary>Processor time as /proc tells it.</summary>
    public static TimeSpan Time(long ticks) => TimeSpan.FromSeconds(ticks / TicksPerSecond);

    /// <summary>A number among words that are divided by blanks; 0 when it is none.</summary>
    private static long Field(ReadOnlySpan<byte> line, int number)
    {
        for (; number > 0; number--)
        {
            var next = line.IndexOf((byte)' ');
            if (next < 0) return 0;
            line = line[(next + 1)..];
        }

        return Utf8Parser.TryParse(line, out long value, out _) ? value : 0;
    }

    private static long Named(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name) =>
        text.IndexOf(name) is >= 0 and var at && Utf8Parser.TryParse(text[(at + name.Length)..], out long value, out _) ? value : 0;
}
