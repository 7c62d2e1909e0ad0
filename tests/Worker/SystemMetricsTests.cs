using System.Runtime.InteropServices;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Core.Streams;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Measure;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>What a run uses of its machine is measured without anybody asking for it.</summary>
public sealed class SystemMetricsTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private readonly WorkerRig rig = shared.Rig;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARunThatLasts_HasItsUseOfTheMachine_BesideItsOwnMetrics()
    {
        var go = Path.Combine(rig.Folder, "go");
        var run = await rig.SubmitShell($"echo step 1 loss=0.5; while [ ! -e {go} ]; do :; done");
        await WorkerRig.Until(
            async () => (await Measured(run)).Any(series => series.Name == "system/cpu_percent" && series.Points.Any(point => point.Value > 0)),
            () => "the use of processors is measured while the run goes on");
        await File.WriteAllTextAsync(go, "", Cancel);

        var ended = await rig.Ended(run);
        Assert.Equal(["loss"], ended.Metrics.Keys);
        Assert.Equal(1, ended.Step);
        var machine = (await Measured(run)).ToDictionary(series => series.Name, series => series.Points[^1].Value);
        Assert.InRange(machine["system/memory_bytes"], 1 << 20, 1L << 34);
        Assert.True(machine["system/machine/cpu_percent"] > 0);
        Assert.True(machine["system/machine/memory_available_bytes"] > 0);
        Assert.True(machine["system/machine/disk_free_bytes"] > 0);

        // Readers who ask for the run's own metrics get them alone.
        Assert.Equal(["loss"], (await new MetricsReader(rig.Store).Read(ended, new([]), Cancel)).Series.Select(series => series.Name));
    }

    [Fact]
    public void WhatALostAttemptUsed_StaysSeen()
    {
        var run = SampleRuns.Run(attempts:
            [SampleRuns.Attempt(1), SampleRuns.Attempt(2, SampleRuns.Checkpoint(1, 40, new(0, 100), new(0, 10))), SampleRuns.Attempt(3)]);
        Assert.Equal([new(1, null), new(2, null), new(3, null)], VisibleStream.Of(run, StreamKind.Machine));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(true, "*")]
    [InlineData(true, "sys*")]
    [InlineData(true, "system/gpu/*")]
    [InlineData(true, "loss", "system/memory_bytes")]
    [InlineData(false, "loss")]
    [InlineData(false, "sys")]
    [InlineData(false, "val/*", "train/*")]
    public void TheMachinesStream_IsReadOnlyWhereItMayBeAskedFor(bool isRead, params string[] patterns) =>
        Assert.Equal(isRead, MetricOrder.MayNameMachine(patterns));

    [Fact]
    public async Task WhatChildrenThatAreGoneHaveUsed_CountsAsTheirParents()
    {
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "sh", ["-c", "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo done; read end"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        Assert.Equal("done", await shell.StandardOutput.ReadLineAsync(Cancel));
        var used = ProcessUsage.Of([shell.Id, int.MaxValue]);
        Assert.True(used.Cpu >= TimeSpan.FromMilliseconds(20), $"{used}");
        Assert.True(used.MemoryBytes >= Environment.SystemPageSize);
        await shell.StandardInput.WriteLineAsync("");
        await shell.WaitForExitAsync(Cancel);
        Assert.Equal(default, ProcessUsage.Of([int.MaxValue]));
    }

    [Fact]
    public async Task TheDriversLibrary_TellsOfEachGpu_AndOfOneThatIsGoneNothing()
    {
        var gpus = Nvml.Open(FakeDriver.Function)!;
        Assert.Equal(
            [new(0, 87, 6L << 30, 2L << 30, 215.5, 61), new GpuUsage(2, null, 6L << 30, 2L << 30, null, null)], await gpus.Read(Cancel));
        Assert.Null(Nvml.Open(_ => 0));
    }

    [Fact]
    public async Task WithoutTheLibrary_TheProgramIsAsked()
    {
        using var folder = new TemporaryFolder();
        var program = folder["nvidia-smi"];
        await File.WriteAllTextAsync(program, "#!/bin/sh\necho '0, 87, 6144, 2048, 215.5, 61'; echo '1, [N/A], 6144, 2048, [N/A], 40'\n", Cancel);
        await Unix.Do("chmod", "+x", program);
        var time = new SettableClock(new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var gpus = new NvidiaSmi(time, program);
        Assert.Equal([new(0, 87, 6L << 30, 2L << 30, 215.5, 61), new GpuUsage(1, null, 6L << 30, 2L << 30, null, 40)], await gpus.Read(Cancel));

        // It takes a second of a core each time.
        Assert.Empty(await gpus.Read(Cancel));
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(2, (await gpus.Read(Cancel)).Count);

        Assert.Empty(await new NvidiaSmi(time, folder["missing"]).Read(Cancel));
    }

    [Fact]
    public void GpusAreIdle_WhenNoneDoesAnything_AndFromThenOn()
    {
        var time = new SettableClock(new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var idleness = new GpuIdleness();
        Note([null]);
        Assert.Null(idleness.Since);
        Note(0, 0.5);
        var since = idleness.Since;
        Assert.NotNull(since);
        time.Advance(TimeSpan.FromMinutes(20));
        Note(0, null);
        Assert.Equal(since, idleness.Since);
        Note(0, 40);
        Assert.Null(idleness.Since);

        void Note(params double?[] utilization) => idleness.Note(
            [.. utilization.Select((percent, number) => new GpuUsage(number, percent, null, null, null, null))], time);
    }

    [Fact]
    public void ARunWhoseGpusIdle_EndsAsOneThatTookTooLong() =>
        Assert.Equal(Cause.Timeout, new ExecutionEnd(0, StopReason.GpuIdle, false, null, false, 0).Explain(null).Cause);

    private async Task<IReadOnlyList<MetricSeries>> Measured(string run) =>
        (await new MetricsReader(rig.Store).Read(await rig.Load(run), new([]) { Streams = [StreamKind.Machine] }, Cancel)).Series;

    /// <summary>A driver with three GPUs, of which the second has fallen off its bus and the third says little.</summary>
    private static unsafe class FakeDriver
    {
        public static nint Function(string name) => name switch
        {
            "nvmlInit_v2" => (nint)(delegate* unmanaged<int>)&Start,
            "nvmlDeviceGetCount_v2" => (nint)(delegate* unmanaged<uint*, int>)&Count,
            "nvmlDeviceGetHandleByIndex_v2" => (nint)(delegate* unmanaged<uint, nint*, int>)&Handle,
            "nvmlDeviceGetUtilizationRates" => (nint)(delegate* unmanaged<nint, Nvml.Utilization*, int>)&Utilization,
            "nvmlDeviceGetMemoryInfo" => (nint)(delegate* unmanaged<nint, Nvml.Memory*, int>)&Memory,
            "nvmlDeviceGetPowerUsage" => (nint)(delegate* unmanaged<nint, uint*, int>)&Power,
            "nvmlDeviceGetTemperature" => (nint)(delegate* unmanaged<nint, int, uint*, int>)&Temperature,
            _ => 0,
        };

        private const int NotSupported = 3, GpuIsLost = 15;

        [UnmanagedCallersOnly]
        private static int Start() => 0;

        [UnmanagedCallersOnly]
        private static int Count(uint* count)
        {
            *count = 3;
            return 0;
        }

        [UnmanagedCallersOnly]
        private static int Handle(uint index, nint* device)
        {
            *device = (nint)(100 + index);
            return index == 1 ? GpuIsLost : 0;
        }

        [UnmanagedCallersOnly]
        private static int Utilization(nint device, Nvml.Utilization* used)
        {
            *used = new() { Gpu = 87, Memory = 40 };
            return device == 100 ? 0 : NotSupported;
        }

        [UnmanagedCallersOnly]
        private static int Memory(nint device, Nvml.Memory* bytes)
        {
            *bytes = new() { Total = 8UL << 30, Free = 2UL << 30, Used = 6UL << 30 };
            return 0;
        }

        [UnmanagedCallersOnly]
        private static int Power(nint device, uint* milliwatts)
        {
            *milliwatts = 215_500;
            return device == 100 ? 0 : NotSupported;
        }

        [UnmanagedCallersOnly]
        private static int Temperature(nint device, int sensor, uint* celsius)
        {
            *celsius = 61;
            return device == 100 && sensor == 0 ? 0 : NotSupported;
        }
    }
}
