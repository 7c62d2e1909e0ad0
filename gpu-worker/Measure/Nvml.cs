using System.Runtime.InteropServices;

namespace Serverless.GpuWorker.Measure;

/// <summary>
/// NVIDIA's management library, which comes with the driver: a reading costs some ten microseconds, where the program nvidia-smi starts up for one.
/// </summary>
sealed unsafe class Nvml : IGpus
{
    private const string Library = "libnvidia-ml.so.1";
    private const int Success = 0, Core = 0;

    private readonly delegate* unmanaged<uint*, int> count;
    private readonly delegate* unmanaged<uint, nint*, int> handle;
    private readonly delegate* unmanaged<nint, Utilization*, int> utilization;
    private readonly delegate* unmanaged<nint, Memory*, int> memory;
    private readonly delegate* unmanaged<nint, uint*, int> power;
    private readonly delegate* unmanaged<nint, int, uint*, int> temperature;

    private Nvml(Func<string, nint> function)
    {
        count = (delegate* unmanaged<uint*, int>)function("nvmlDeviceGetCount_v2");
        handle = (delegate* unmanaged<uint, nint*, int>)function("nvmlDeviceGetHandleByIndex_v2");
        utilization = (delegate* unmanaged<nint, Utilization*, int>)function("nvmlDeviceGetUtilizationRates");
        memory = (delegate* unmanaged<nint, Memory*, int>)function("nvmlDeviceGetMemoryInfo");
        power = (delegate* unmanaged<nint, uint*, int>)function("nvmlDeviceGetPowerUsage");
        temperature = (delegate* unmanaged<nint, int, uint*, int>)function("nvmlDeviceGetTemperature");
    }

    /// <summary>In percent of the time since the last sample of the driver's own.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Utilization
    {
        public uint Gpu, Memory;
    }

    /// <summary>In bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Memory
    {
        public ulong Total, Free, Used;
    }

    /// <summary>Null when there is no such library, or no driver behind it. It stays loaded: a driver is not started twice.</summary>
    public static Nvml? Open() => NativeLibrary.TryLoad(Library, out var library)
        ? Open(name => NativeLibrary.TryGetExport(library, name, out var address) ? address : 0)
        : null;

    /// <param name="function">The address of a function of the library; 0: it has none by this name.</param>
    public static Nvml? Open(Func<string, nint> function)
    {
        var start = (delegate* unmanaged<int>)function("nvmlInit_v2");
        if (start is null || start() != Success) return null;
        var opened = new Nvml(function);
        return opened.count is null || opened.handle is null ? null : opened;
    }

    public Task<IReadOnlyList<GpuUsage>> Read(CancellationToken cancel) => Task.FromResult(Read());

    private IReadOnlyList<GpuUsage> Read()
    {
        uint many;
        if (count(&many) != Success) return [];
        var gpus = new List<GpuUsage>((int)many);
        for (var number = 0; number < many; number++)
        {
            // One that has fallen off its bus gives no handle.
            nint device;
            if (handle((uint)number, &device) != Success) continue;
            var used = default(Utilization);
            var bytes = default(Memory);
            uint milliwatts, celsius;
            var computes = utilization is not null && utilization(device, &used) == Success;
            var holds = memory is not null && memory(device, &bytes) == Success;
            gpus.Add(new(
                number, computes ? used.Gpu : null, holds ? (long)bytes.Used : null, holds ? (long)bytes.Free : null,
                power is not null && power(device, &milliwatts) == Success ? milliwatts / 1000.0 : null,
                temperature is not null && temperature(device, Core, &celsius) == Success ? celsius : null));
        }

        return gpus;
    }
}
