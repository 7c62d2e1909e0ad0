using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using Serverless.Core;

namespace Serverless.GpuWorker.Collect;

/// <summary>Reads what a runner prints, on a thread of its own, so that code never waits for the platform to have its output read.</summary>
sealed class LogPump
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often it is noted that there is nothing more to read, after something came and later. What comes then was printed since: also when this
    /// process stood still meanwhile, and reads it long after.
    /// </summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25), LaterLook = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool faulty;

    public static LogPump Start(Stream output, LogCollector log)
    {
        var pipe = (output as System.IO.Pipes.PipeStream)?.SafePipeHandle;
        if (pipe is not null) Execute.Native.WidenPipe(pipe);
        var pump = new LogPump();
        new Thread(() => pump.Read(output, pipe, log), maxStackSize: 256 * 1024) { IsBackground = true, Name = "log" }.Start();
        return pump;
    }

    /// <summary>
    /// Completes when all is read. The pipe ends with the last process that holds it; should one have escaped, this gives up on it.
    /// </summary>
    public Task Drained() => Task.WhenAny(drained.Task, Task.Delay(Patience, TimeProvider.System));

    private void Read(Stream output, SafePipeHandle? pipe, LogCollector log)
    {
        var buffer = new byte[256 * 1024];
        try
        {
            var isRead = TimeProvider.System.GetUtcNow();
            while (true)
            {
                if (pipe is not null) isRead = AwaitMore(pipe, isRead);
                var read = output.Read(buffer);
                if (read == 0) return;
                Take(buffer.AsSpan(0, read), isRead, log);
                if (read < buffer.Length) isRead = TimeProvider.System.GetUtcNow();
            }
        }
        catch (Exception)
        {
            // The runner was given up.
        }
        finally
        {
            Take([], default, log);
            drained.SetResult();
        }
    }

    /// <returns>When there was nothing to read for the last time.</returns>
    private static DateTimeOffset AwaitMore(SafePipeHandle pipe, DateTimeOffset isRead)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            // Before it is looked: what comes while this process stands still behind the look is not older.
            var now = TimeProvider.System.GetUtcNow();
            if (Execute.Native.IsReadable(pipe, TimeSpan.Zero)) return isRead;
            isRead = now;
            if (Execute.Native.IsReadable(pipe, TimeProvider.System.GetElapsedTime(began) < Later ? Look : LaterLook)) return isRead;
        }
    }

    /// <param name="bytes">Empty: there are no more.</param>
    [SuppressMessage("Design", "CA1031", Justification = "What leaves a thread ends the worker, whatever it was; a log with a gap does not.")]
    private void Take(ReadOnlySpan<byte> bytes, DateTimeOffset since, LogCollector log)
    {
        try
        {
            if (bytes.Length > 0) log.Write(bytes, since);
            else log.EndOutput();
        }
        catch (Exception fault)
        {
            if (!faulty) log.Say($"a fault of the worker: metrics in what is printed here may be missing: {FaultText.Of(fault)}");
            faulty = true;
        }
    }
}
