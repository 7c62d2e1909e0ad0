using System.Text;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Runner;

/// <summary>The runner's end of its pipes to the agent.</summary>
sealed unsafe class ControlChannel(int control, int report)
{
    private readonly Lock ending = new();

    /// <summary>Waits for the assignment; null when the agent is gone or has no use for this runner.</summary>
    public Assignment? ReadAssignment()
    {
        var length = new byte[sizeof(int)];
        if (!Fill(length)) return null;
        var body = new byte[BitConverter.ToInt32(length)];
        return Fill(body) ? Assignment.From(body) : null;
    }

    /// <summary>From now on the end of the agent is the end of this process and of everything below it.</summary>
    public void DieWithAgent()
    {
        // The first process to be ended may be the one that this process waits for. Should it leave then, nobody would end the others.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => ending.Enter();
        new Thread(WaitForEnd, maxStackSize: 256 * 1024) { IsBackground = true, Name = "agent watch" }.Start();
    }

    /// <summary>Both pipes are where this program finds them when it starts.</summary>
    public void MoveBack() => Native.MoveBack((control, 0), (report, 2));

    /// <summary>From here on a failure is the code's.</summary>
    public void Begin() => Report(new(RunnerReport.FailureKind.None, ""));

    public void Report(RunnerReport said)
    {
        fixed (byte* bytes = Encoding.UTF8.GetBytes(said.ToLine()))
        {
            Native.Write(report, bytes, (nuint)Encoding.UTF8.GetByteCount(said.ToLine()));
        }
    }

    private void WaitForEnd()
    {
        Fill(new byte[1]);
        ending.Enter();
        var self = Environment.ProcessId;
        try
        {
            ProcessTree.KillBelow(self, new HashSet<int>());
        }
        finally
        {
            Native.Kill(-self, Native.SigKill);
            Native.Kill(self, Native.SigKill);
        }
    }

    private bool Fill(byte[] bytes)
    {
        const int Interrupted = 4;
        fixed (byte* start = bytes)
        {
            for (var at = 0; at < bytes.Length;)
            {
                var read = Native.Read(control, start + at, (nuint)(bytes.Length - at));
                if (read < 0 && System.Runtime.InteropServices.Marshal.GetLastPInvokeError() == Interrupted) continue;
                if (read <= 0) return false;
                at += (int)read;
            }
        }

        return true;
    }
}
