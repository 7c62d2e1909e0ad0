using System.Runtime.CompilerServices;
using Serverless.Cli;
using Serverless.GpuWorker.Agent;
using Serverless.GpuWorker.Compile;
using Serverless.GpuWorker.Runner;

namespace Serverless.GpuWorker;

static class Program
{
    // The runner's way in is as short as can be: each run pays for what is loaded and compiled on it.
    static int Main(string[] args) => args switch
    {
        ["runner", ..] => RunnerMain.Run(args),
        ["compiler", ..] => CompilerMain.Run(args),
        _ => OpenFileLimit.Refuse(least: 128) ? 1 : Agent(args),
    };

    // What it names is loaded when it is called, and not before.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Agent(string[] args) => AgentCommand.Run(args);
}
