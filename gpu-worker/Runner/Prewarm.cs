using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Serverless.GpuWorker.Execute;
using TorchSharp;

namespace Serverless.GpuWorker.Runner;

/// <summary>What a spare runner does before it has an assignment, so that the code need not wait for it.</summary>
static class Prewarm
{
    /// <summary>Compiles what lies between an assignment and the code's first line of output.</summary>
    public static void Plain()
    {
        var nothing = new Assignment { Folder = "", Environment = new Dictionary<string, string> { [""] = "" }, Command = [""] };
        Assignment.From(nothing.ToBytes()[sizeof(int)..]);
        Console.Out.Flush();
        Environment.GetEnvironmentVariables();
        _ = AssemblyLoadContext.Default;
    }

    /// <summary>
    /// Loads libtorch and takes one training step of a toy, which compiles the paths that every experiment uses. What it draws changes no result:
    /// the generator is seeded anew before the code starts.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Torch()
    {
        try
        {
            using var scope = torch.NewDisposeScope();
            var layer = torch.nn.Linear(4, 2);
            using var optimizer = torch.optim.Adam(layer.parameters());
            var loss = torch.nn.functional.mse_loss(layer.forward(torch.zeros(3, 4)), torch.zeros(3, 2));
            loss.backward();
            optimizer.step();
            optimizer.zero_grad();
            loss.item<float>();
        }
        catch (Exception broken)
        {
            // The code that needs libtorch will fail with the same words; code that does not, runs.
            Console.Error.WriteLine($"libtorch does not load here: {broken.Message}");
        }
    }
}
