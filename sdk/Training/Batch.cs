using static TorchSharp.torch;

namespace Serverless;

/// <summary>What one call of a training's step function is to train on.</summary>
public sealed class Batch
{
    private readonly long[] order;
    private readonly int from;
    private readonly Device device;
    private long[]? rows;

    internal Batch(long step, int epoch, long[] order, int from, int count, Device device) =>
        (Step, Epoch, this.order, this.from, Count, this.device) = (step, epoch, order, from, count, device);

    /// <summary>The step of the optimizer that this is part of, from 1; x axis of what is logged.</summary>
    public long Step { get; }

    /// <summary>From 1.</summary>
    public int Epoch { get; }

    /// <summary>Number of samples: the batch size, or fewer at the end of an epoch; 0 in a training without a data set.</summary>
    public int Count { get; }

    /// <summary>Numbers of the samples, 0 to n−1, in the order to take them.</summary>
    public IReadOnlyList<long> Rows => rows ??= order[from..(from + Count)];

    /// <summary>
    /// This batch's rows of a tensor with a row for each sample, on the run's device: (n, …) -> (B, …). It is freed at the end of the step.
    /// </summary>
    /// <param name="data">On the CPU or a GPU. Only the rows are moved.</param>
    public Tensor Of(Tensor data)
    {
        // (B)
        using var index = tensor((long[])Rows, device: data.device);
        return data.index_select(0, index).to(device);
    }
}
