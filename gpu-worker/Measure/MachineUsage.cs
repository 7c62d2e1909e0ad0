using System.Globalization;
using System.Text;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Measure;

/// <summary>What the whole machine, or the container that looks like one, has used up to now.</summary>
/// <param name="Busy">Processor time of everything but idling and waiting for disks.</param>
/// <param name="AvailableBytes">Memory that programs could still have.</param>
/// <param name="ReceivedBytes">Over all networks but the machine's own loop.</param>
/// <param name="DiskFreeBytes">On the disk that runs work on.</param>
readonly record struct MachineUsage(TimeSpan Busy, long AvailableBytes, long ReceivedBytes, long SentBytes, long DiskFreeBytes)
{
    /// <summary>Fields of the line "cpu" that are no work: idle, iowait; guests are counted in user and nice already.</summary>
    private static readonly int[] Worked = [0, 1, 2, 5, 6, 7];

    /// <summary>Columns of a network's line: bytes received are the first, bytes sent the ninth.</summary>
    private const int SentAt = 8;

    /// <param name="disk">A folder on it.</param>
    public static MachineUsage Now(string disk)
    {
        var (received, sent) = Network();
        return new(Processors(), Available(), received, sent, new DriveInfo(disk).AvailableFreeSpace);
    }

    private static TimeSpan Processors()
    {
        var line = Text("/proc/stat").Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var ticks = Worked.Sum(field => line.ElementAtOrDefault(field + 1) is { } word ? Number(word) : 0);
        return ProcessUsage.Time(ticks);
    }

    private static long Available()
    {
        const string Name = "MemAvailable:";
        var line = Text("/proc/meminfo").Split('\n').FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return line is null ? 0 : Number(line[Name.Length..].Replace("kB", "", StringComparison.Ordinal)) * 1024;
    }

    private static (long Received, long Sent) Network()
    {
        var (received, sent) = (0L, 0L);
        foreach (var line in Text("/proc/net/dev").Split('\n'))
        {
            if (line.Split(':') is not [var name, var counts] || name.Trim() == "lo") continue;
            var numbers = counts.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (numbers.Length <= SentAt) continue;
            received += Number(numbers[0]);
            sent += Number(numbers[SentAt]);
        }

        return (received, sent);
    }

    private static string Text(string file) => Encoding.ASCII.GetString(ProcessTree.Read(file) ?? []);

    private static long Number(string word) =>
        long.TryParse(word.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
