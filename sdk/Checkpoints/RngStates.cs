using TorchSharp;
using static TorchSharp.torch;

namespace Serverless.Checkpoints;

/// <summary>The generators that training draws from: torch's on the CPU, and the run's own.</summary>
internal static class RngStates
{
    private const string TorchCpu = "torch.cpu", OfRun = "run.random";

    /// <remarks>
    /// TorchSharp cannot read a GPU's generator, so it is seeded anew at each save, from the seed and the
    /// step, and in the same way at a resume: the draws that follow are the same.
    /// </remarks>
    public static Dictionary<string, Tensor> Collect(RunRandom random, Device device, long seed, long step)
    {
        var own = new byte[RunRandom.StateBytes];
        random.SaveTo(own);
        SeedGpu(device, seed, step);
        return new() { [TorchCpu] = get_rng_state(), [OfRun] = tensor(own) };
    }

    public static void Restore(RunRandom random, Device device, long seed, long step, Weights.SafeTensorsFile file)
    {
        random.LoadFrom(file.ReadBytes(OfRun));
        set_rng_state(file.Read(TorchCpu));
        SeedGpu(device, seed, step);
    }

    public static void SeedGpu(Device device, long seed, long step)
    {
        if (device.type == DeviceType.CUDA) cuda.manual_seed_all(RunRandom.Mix(seed, step));
    }
}
