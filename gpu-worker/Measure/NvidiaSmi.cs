using System.ComponentModel;
using System.Globalization;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Measure;

/// <summary>
/// The program nvidia-smi, where the driver's library cannot be loaded. It takes up to a second of a core each time, so it is asked rarely.
/// </summary>
/// <param name="program">Its name or path.</param>
sealed class NvidiaSmi(TimeProvider time, string program = NvidiaSmi.Usual) : IGpus
{
    public const string Usual = "nvidia-smi";
    private const string Query = "index,utilization.gpu,memory.used,memory.free,power.draw,temperature.gpu";
    private const long MiB = 1 << 20;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(60), Patience = TimeSpan.FromSeconds(20);

    private long? asked;

    /// <summary>Null when there is no such program here.</summary>
    public static NvidiaSmi? Find(TimeProvider time) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, Usual)))
            ? new(time) : null;

    public async Task<IReadOnlyList<GpuUsage>> Read(CancellationToken cancel)
    {
        if (asked is { } last && time.GetElapsedTime(last) < Pause) return [];
        asked = time.GetTimestamp();
        try
        {
            using var process = Children.Start([program, $"--query-gpu={Query}", "--format=csv,noheader,nounits"], RunEnvironment.Inherited);
            try
            {
                var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(cancel), process.StandardError.ReadToEndAsync(cancel));
                await process.WaitForExitAsync(cancel).WaitAsync(Patience, time, cancel);
                return process.ExitCode == 0 ? Parse((await said)[0]) : [];
            }
            catch (TimeoutException)
            {
                return [];
            }
            finally
            {
                if (!process.HasExited) process.Kill();
                Children.Forget(process.Id);
            }
        }
        catch (Win32Exception)
        {
            return [];
        }
    }

    /// <summary>A line for each GPU; "[N/A]" for what it does not say. Memory is in MiB.</summary>
    internal static IReadOnlyList<GpuUsage> Parse(string text)
    {
        var gpus = new List<GpuUsage>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = line.Split(',', StringSplitOptions.TrimEntries);
            if (fields.Length != 6 || Number(fields[0]) is not { } number) continue;
            gpus.Add(new(
                (int)number, Number(fields[1]), (long?)(Number(fields[2]) * MiB), (long?)(Number(fields[3]) * MiB), Number(fields[4]),
                Number(fields[5])));
        }

        return gpus;
    }

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
}
