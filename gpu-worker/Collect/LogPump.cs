using System.Diagnostics.CodeAnalysis;
using Serverless.Core;

namespace Serverless.GpuWorker.Collect;

/// <summary>Reads what a runner prints, on a thread of its own, so that code never waits for the platform to have its output read.</summary>
sealed class LogPump
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool faulty;

    public static LogPump Start(Stream output, LogCollector log)
    {
        if (output is System.IO.Pipes.PipeStream pipe) Execute.Native.WidenPipe(pipe.SafePipeHandle);
        var pump = new LogPump();
        new Thread(() => pump.Read(output, log), maxStackSize: 256 * 1024) { IsBackground = true, Name = "log" }.Start();
        return pump;
    }

    /// <summary>
    /// Completes when all is read. The pipe ends with the last process that holds it; should one have escaped, this gives up on it.
    /// </summary>
    public Task Drained() => Task.WhenAny(drained.Task, Task.Delay(Patience, TimeProvider.System));

    private void Read(Stream output, LogCollector log)
    {
        var buffer = new byte[256 * 1024];
        try
        {
            int read;
            while ((read = output.Read(buffer)) > 0) Take(buffer.AsSpan(0, read), log);
        }
        catch (Exception)
        {
            // The runner was given up.
        }
        finally
        {
            Take([], log);
            drained.SetResult();
        }
    }

    /// <param name="bytes">Empty: there are no more.</param>
    [SuppressMessage("Design", "CA1031", Justification = "What leaves a thread ends the worker, whatever it was; a log with a gap does not.")]
    private void Take(ReadOnlySpan<byte> bytes, LogCollector log)
    {
        try
        {
            if (bytes.Length > 0) log.Write(bytes);
            else log.EndOutput();
        }
        catch (Exception fault)
        {
            if (!faulty) log.Say($"a fault of the worker: metrics in what is printed here may be missing: {FaultText.Of(fault)}");
            faulty = true;
        }
    }
}
