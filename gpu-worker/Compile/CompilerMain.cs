using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Compile;

/// <summary>
/// The process that compiles, one request after another: people's source can make a compiler take any time, memory or stack, and the agent must
/// survive that. Standard input brings requests and ends with the agent, standard output takes answers.
/// </summary>
static class CompilerMain
{
    public static int Run(string[] args)
    {
        // Signals to the terminal or the service are for the agent, which ends this process when it wants to.
        _ = Native.NewSession();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, static signal => signal.Cancel = true);
        OomScore.Volunteer();
        using var requests = new BlockingCollection<CompileRequest>();
        new Thread(() => Read(requests), maxStackSize: 256 * 1024) { IsBackground = true, Name = "requests" }.Start();
        if (args is [_, "warm", ..]) CSharpCompiler.Warm();
        Say(new(CompileAnswer.Kinds.Ready));
        foreach (var request in requests.GetConsumingEnumerable())
        {
            Say(Compile(request));
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        return 0;
    }

    private static CompileAnswer Compile(CompileRequest request)
    {
        try
        {
            return CSharpCompiler.Compile(request, line => Say(new(CompileAnswer.Kinds.Log, line)));
        }
        catch (Exception problem)
        {
            // It compiles on several threads.
            var all = problem is AggregateException several ? several.Flatten().InnerExceptions : [problem];
            if (all.Any(one => one is OutOfMemoryException)) return new(CompileAnswer.Kinds.OutOfMemory);
            return all[0] switch
            {
                IOException { HResult: Native.NoSpaceLeft } full => new(CompileAnswer.Kinds.DiskFull, full.Message),
                IOException or UnauthorizedAccessException => new(CompileAnswer.Kinds.Broken, all[0].Message),
                var crash => new(CompileAnswer.Kinds.Crashed, $"{crash.GetType().Name}: {crash.Message}"),
            };
        }
    }

    // Read while something is compiled, too: that may take for ever, and must not outlive the agent.
    private static void Read(BlockingCollection<CompileRequest> requests)
    {
        try
        {
            using var reader = new BinaryReader(Console.OpenStandardInput());
            while (true) requests.Add(CompileRequest.Read(reader));
        }
        catch (Exception)
        {
            // The end of the pipe, in whatever form it comes: the agent is gone, or has no use for this process.
            Native.Kill(Environment.ProcessId, Native.SigKill);
        }
    }

    private static void Say(CompileAnswer answer)
    {
        using var output = Console.OpenStandardOutput();
        output.Write(Encoding.UTF8.GetBytes(answer.ToLine()));
    }
}
