using System.Globalization;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Collect;

namespace Serverless.GpuWorker.Measure;

/// <summary>
/// What a run uses of its machine, as metrics whose names begin with <c>system/</c> and whose step is the run's age in seconds. They have a stream of
/// their own for each attempt: what a lost attempt used was used, and no checkpoint takes it back.
/// </summary>
/// <param name="segments">Of that stream.</param>
/// <param name="processes">The run's, as they are now.</param>
/// <param name="disk">A folder on the disk that the run works on.</param>
/// <param name="gpus">Null: there are none.</param>
/// <param name="began">When the run first began.</param>
sealed class SystemMonitor(
    SegmentWriter segments, Func<IReadOnlyList<int>> processes, string disk, IGpus? gpus, DateTimeOffset began, TimeProvider time)
{
    /// <summary>A run that is over by then costs nothing; one of a second has its first values.</summary>
    private static readonly TimeSpan Baseline = TimeSpan.FromMilliseconds(250), First = TimeSpan.FromMilliseconds(500);

    /// <summary>Often at first, when somebody is likely to watch; then as seldom as curves of hours need it.</summary>
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(1), Latest = TimeSpan.FromSeconds(15), StoreEvery = TimeSpan.FromSeconds(30);

    private const double Slower = 1.2;

    private readonly MetricStreamWriter writer = new(segments);
    private readonly GpuIdleness idleness = new();
    private (ProcessUsage Run, MachineUsage Machine, long At) before;

    /// <summary>Of the sample that is being taken: all of its points have one time.</summary>
    private DateTimeOffset moment;

    /// <summary>How long all GPUs of the machine have done nothing; null when there is none, or one does something.</summary>
    public TimeSpan? GpusIdle => idleness.Since is { } since ? time.GetElapsedTime(since) : null;

    /// <param name="looked">Is told after each sample.</param>
    /// <param name="over">The code has ended.</param>
    /// <param name="mayWrite">Ends when nothing of the run may be written any more.</param>
    public async Task Run(Action<SystemMonitor> looked, CancellationToken over, CancellationToken mayWrite)
    {
        if (!OperatingSystem.IsLinux()) return;
        await Task.Delay(Baseline, time, over);
        before = Measure();
        var (wait, stored) = (First, (long?)null);
        while (true)
        {
            await Task.Delay(wait, time, over);
            await Sample(over);
            looked(this);
            if (stored is not { } last || time.GetElapsedTime(last) >= StoreEvery)
            {
                await writer.Flush(mayWrite);
                stored = time.GetTimestamp();
            }

            wait = wait < Soonest ? Soonest : wait * Slower < Latest ? wait * Slower : Latest;
        }
    }

    /// <summary>Stores what is not stored yet.</summary>
    public Task Flush(CancellationToken mayWrite) => writer.Flush(mayWrite);

    private (ProcessUsage, MachineUsage, long) Measure() => (ProcessUsage.Of(processes()), MachineUsage.Now(disk), time.GetTimestamp());

    private async Task Sample(CancellationToken over)
    {
        var now = Measure();
        var (run, machine, at) = now;
        moment = time.GetUtcNow();
        var seconds = time.GetElapsedTime(before.At, at).TotalSeconds;
        Add("cpu_percent", Rate((run.Cpu - before.Run.Cpu).TotalSeconds) * 100);
        Add("memory_bytes", run.MemoryBytes);
        Add("disk_read_bytes_per_second", Rate(run.ReadBytes - before.Run.ReadBytes));
        Add("disk_written_bytes_per_second", Rate(run.WrittenBytes - before.Run.WrittenBytes));
        Add("machine/cpu_percent", Rate((machine.Busy - before.Machine.Busy).TotalSeconds) * 100);
        Add("machine/memory_available_bytes", machine.AvailableBytes);
        Add("machine/network_received_bytes_per_second", Rate(machine.ReceivedBytes - before.Machine.ReceivedBytes));
        Add("machine/network_sent_bytes_per_second", Rate(machine.SentBytes - before.Machine.SentBytes));
        Add("machine/disk_free_bytes", machine.DiskFreeBytes);
        before = now;
        if (gpus is null || await gpus.Read(over) is not { Count: > 0 } read) return;
        idleness.Note(read, time);
        foreach (var gpu in read)
        {
            AddOf(gpu, "utilization_percent", gpu.UtilizationPercent);
            AddOf(gpu, "memory_used_bytes", gpu.MemoryUsedBytes);
            AddOf(gpu, "memory_free_bytes", gpu.MemoryFreeBytes);
            AddOf(gpu, "power_watts", gpu.PowerWatts);
            AddOf(gpu, "temperature_celsius", gpu.TemperatureCelsius);
        }

        // Counters of processes that are gone, and of networks that were taken down, are missing from the sum.
        double Rate(double used) => Math.Max(0, used) / Math.Max(seconds, 0.001);
    }

    private void AddOf(in GpuUsage gpu, string what, double? value)
    {
        if (value is { } number) Add(string.Create(CultureInfo.InvariantCulture, $"gpu/{gpu.Number}/{what}"), number);
    }

    private void Add(string name, double value) => writer.Add(new MetricPoint(
        MetricOrder.MachinePrefix + name, Math.Max(0, (long)(moment - began).TotalSeconds), value, moment.ToUnixTimeMilliseconds() * 1000));
}
