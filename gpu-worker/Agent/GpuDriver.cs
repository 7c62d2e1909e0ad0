using System.ComponentModel;
using System.Diagnostics;
using Serverless.GpuWorker.Measure;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// Whether the GPU answers, asked once at the start: one that has fallen off its bus, or a
/// driver that is too old, would fail every run in words of CUDA's.
/// </summary>
static class GpuDriver
{
    private const string Program = NvidiaSmi.Usual;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <returns>Its name, driver version and memory.</returns>
    /// <exception cref="SettingException">It does not answer; the message says what to look at.</exception>
    public static async Task<string> Ask()
    {
        var start = new ProcessStartInfo(Program, ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync().WaitAsync(Patience);
            var text = string.Join(' ', await said).Trim().ReplaceLineEndings("; ");
            if (process.ExitCode == 0 && text.Length > 0) return text;
            throw new SettingException(
                $"the GPU does not answer: {Program} says '{text}' (exit code {process.ExitCode}); this machine should be replaced");
        }
        catch (TimeoutException e)
        {
            throw new SettingException(
                $"the GPU does not answer: {Program} said nothing for {Patience.TotalSeconds:0} s; this machine should be replaced", e);
        }
        catch (Win32Exception e)
        {
            throw new SettingException(
                $"the GPU cannot be asked: {Program} is missing; the driver was not brought into the container " +
                "(NVIDIA_DRIVER_CAPABILITIES=compute,utility)", e);
        }
    }
}
