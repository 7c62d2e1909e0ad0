using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Checkpoints;
using Serverless.Contract;
using Serverless.Weights;
using static TorchSharp.torch;

namespace Serverless;

public sealed partial class Run
{
    // More than the generators' states take: they are collected when there is room for everything.
    private const int RngBytes = 64 << 10;

    /// <summary>
    /// Saves everything that going on exactly needs: weights, the optimizer's state, the generators (torch's on the CPU and <see cref="Random"/>),
    /// and the place in the
    /// data. It copies to memory and returns; another thread writes the files, and the checkpoint appears as a whole. One checkpoint may be in
    /// writing and one
    /// may wait; a third save waits for room. Memory: up to twice the checkpoint's size. Where that is not free, one copy is made to do, and without
    /// room for any the files are written
    /// from the tensors themselves, which blocks for as long as the disk takes.
    /// </summary>
    /// <param name="step">The last step that the weights contain.</param>
    /// <param name="model">Its parameters and persistent buffers, under their <c>state_dict</c> names.</param>
    /// <param name="optimizer">One of TorchSharp's managed optimizers. A learning rate scheduler's place is a number: put it into the cursor.</param>
    /// <param name="cursor">Where the data order goes on: anything that is JSON.</param>
    /// <returns>
    /// False, and nothing happened, when this step was saved before (a checkpoint is never overwritten), or when the disk has no room for it: the
    /// error output says so once, <see cref="CheckpointsLeftOut"/>
    /// counts, and the last one stays what the run goes on from.
    /// </returns>
    /// <exception cref="CheckpointException">An earlier checkpoint could not be written.</exception>
    public bool SaveCheckpoint(long step, nn.Module model, optim.Optimizer? optimizer = null, object? cursor = null) =>
        Save(step, [("", model)], optimizer is null ? [] : [("", optimizer)], cursor);

    /// <summary>The same for several models and optimizers; tensor names get their model's name before them: <c>generator.conv1.weight</c>.</summary>
    public bool SaveCheckpoint(long step, IReadOnlyDictionary<string, nn.Module> models,
        IReadOnlyDictionary<string, optim.Optimizer>? optimizers = null, object? cursor = null) =>
        Save(step, Prefixed(models), Prefixed(optimizers), cursor);

    /// <summary>
    /// Goes on from the checkpoint that the run was given, if any: fills model and optimizer and sets the generators as they were. Call it last
    /// before the loop,
    /// since whatever draws in between draws twice.
    /// </summary>
    /// <returns>False on a fresh start; nothing was changed.</returns>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or of another model or optimizer; the message says what differs.</exception>
    public bool TryResume(nn.Module model, optim.Optimizer? optimizer, [NotNullWhen(true)] out Checkpoint? checkpoint) =>
        RestoreAndPrepare([("", model)], optimizer is null ? [] : [("", optimizer)], out checkpoint);

    /// <inheritdoc cref="TryResume(nn.Module, optim.Optimizer?, out Checkpoint?)"/>
    public bool TryResume(nn.Module model, [NotNullWhen(true)] out Checkpoint? checkpoint) => TryResume(model, null, out checkpoint);

    /// <summary>The same for several models and optimizers, with the names they were saved under.</summary>
    public bool TryResume(
        IReadOnlyDictionary<string, nn.Module> models, IReadOnlyDictionary<string, optim.Optimizer>? optimizers,
        [NotNullWhen(true)] out Checkpoint? checkpoint) =>
        RestoreAndPrepare(Prefixed(models), Prefixed(optimizers), out checkpoint);

    /// <summary>Whether the run was told to start from another run's weights (<c>from:</c>).</summary>
    public bool HasFrom => Variable(ContractNames.From) is not null;

    /// <summary>
    /// Fills the model with the weights of the run that <c>from:</c> names. A run that is resumed does not need it: its own checkpoint has
    /// everything.
    /// </summary>
    /// <param name="strict">True: names, shapes and types must be the same. False: what fits is filled, the rest keeps its values.</param>
    /// <returns>False when the run was not given another one.</returns>
    /// <exception cref="InvalidDataException">The checkpoint is damaged or does not fit; the message says what differs.</exception>
    public bool LoadFrom(nn.Module model, bool strict = true)
    {
        if (Variable(ContractNames.From) is not { } folder) return false;
        SafeTensors.Load(Path.Combine(folder, CheckpointFiles.Model), model, strict);
        return true;
    }

    /// <summary>
    /// The numbers 0 to n−1 in an order that depends on nothing but the seed and the epoch: a resumed epoch has the same order without anything being
    /// saved.
    /// </summary>
    public long[] Shuffle(long n, long epoch)
    {
        var order = new long[n];
        for (long i = 0; i < n; i++) order[i] = i;
        new RunRandom(RunRandom.Mix(Seed, epoch)).Shuffle(order);
        return order;
    }

    /// <summary>
    /// Seeds the generators of all GPUs from the run's seed and the step; nothing on a CPU. TorchSharp cannot read their state: a loop that begins
    /// each step with this has none to save. A
    /// <see cref="Trainer"/> does it by itself.
    /// </summary>
    public void SeedGpu(long step) => SeedGpu(step, 0);

    /// <summary>Checkpoints of this process that were left out for want of disk space.</summary>
    public int CheckpointsLeftOut => checkpoints.IsValueCreated ? checkpoints.Value.LeftOut : 0;

    internal bool IsWritingCheckpoint => checkpoints.Value.IsWriting;

    internal void SeedGpu(long step, int part) => RngStates.SeedGpu(Device, RunRandom.Mix(Seed, part), step);

    /// <summary>What the run goes on from, before anything is restored.</summary>
    internal Checkpoint? ResumePoint() => Variable(ContractNames.Resume) is { } folder
        ? new(JsonSerializer.Deserialize<CheckpointInfo>(File.ReadAllBytes(Path.Combine(folder, CheckpointFiles.Info)), SdkJson.Options)!)
        : null;

    /// <summary>Gets memory for checkpoints of this size, in the background.</summary>
    internal void PrepareCheckpoint(
        IReadOnlyList<(string Prefix, nn.Module Module)> models, IReadOnlyList<(string Prefix, optim.Optimizer Optimizer)> optimizers)
    {
        using var scope = NewDisposeScope();
        checkpoints.Value.Prepare(new CheckpointDraft(States(models, optimizers)).LengthBytes + RngBytes);
    }

    internal bool Save(long step, IReadOnlyList<(string Prefix, nn.Module Module)> models,
        IReadOnlyList<(string Prefix, optim.Optimizer Optimizer)> optimizers, object? cursor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var writer = checkpoints.Value;
        if (writer.Has(step)) return false;
        using var scope = NewDisposeScope();
        var states = States(models, optimizers);
        var bytes = new CheckpointDraft(states).LengthBytes + RngBytes;
        if (!writer.HasRoom(step, bytes)) return false;
        var image = writer.Rent(step, bytes);
        try
        {
            var marker = PrintMarker(step);
            var (metricsBytes, values) = metrics.Value.Flush();
            var info = new CheckpointInfo(
                step, cursor is null ? null : JsonSerializer.SerializeToElement(cursor, SdkJson.Options), metricsBytes, marker, values);
            var draft = new CheckpointDraft([.. states, new(CheckpointFiles.Rng, RngStates.Collect(random, Device, Seed, step), [])])
            {
                Step = step,
                Info = JsonSerializer.SerializeToUtf8Bytes(info, SdkJson.Options),
            };
            if (image is null)
            {
                writer.Write(draft);
                return true;
            }

            image.Fill(draft);
        }
        catch
        {
            if (image is not null) writer.Return(image);
            throw;
        }

        writer.Submit(image);
        return true;
    }

    private static List<CheckpointContent> States(
        IReadOnlyList<(string Prefix, nn.Module Module)> models, IReadOnlyList<(string Prefix, optim.Optimizer Optimizer)> optimizers)
    {
        var model = new CheckpointContent(CheckpointFiles.Model, States(models), []);
        if (optimizers.Count == 0) return [model];
        var optimizer = new CheckpointContent(CheckpointFiles.Optimizer, [], []);
        foreach (var (prefix, one) in optimizers) OptimizerStates.Collect(one, prefix, optimizer.Tensors, optimizer.Texts);
        return [model, optimizer];
    }

    internal bool Restore(
        IReadOnlyList<(string Prefix, nn.Module Module)> models, IReadOnlyList<(string Prefix, optim.Optimizer Optimizer)> optimizers,
        [NotNullWhen(true)] out Checkpoint? checkpoint)
    {
        checkpoint = ResumePoint();
        if (checkpoint is null) return false;
        using var scope = NewDisposeScope();
        var folder = Variable(ContractNames.Resume)!;
        using (var file = new SafeTensorsFile(Path.Combine(folder, CheckpointFiles.Model))) file.ReadInto(States(models));
        if (optimizers.Count > 0)
        {
            var path = Path.Combine(folder, CheckpointFiles.Optimizer);
            if (!File.Exists(path))
            {
                throw new InvalidDataException(
                    $"checkpoint {checkpoint.Step} was saved without an optimizer; resume it without one, or give SaveCheckpoint the optimizer");
            }

            using var file = new SafeTensorsFile(path);
            foreach (var (prefix, optimizer) in optimizers) OptimizerStates.Restore(optimizer, prefix, file);
        }

        using (var file = new SafeTensorsFile(Path.Combine(folder, CheckpointFiles.Rng)))
        {
            RngStates.Restore(random, Device, Seed, checkpoint.Step, file);
        }

        return true;
    }

    // A hand-written loop is about to begin: its first save finds its memory ready.
    private bool RestoreAndPrepare(
        IReadOnlyList<(string Prefix, nn.Module Module)> models, IReadOnlyList<(string Prefix, optim.Optimizer Optimizer)> optimizers,
        [NotNullWhen(true)] out Checkpoint? checkpoint)
    {
        var resumed = Restore(models, optimizers, out checkpoint);
        PrepareCheckpoint(models, optimizers);
        return resumed;
    }

    // What was printed before the save is before the marker: the log of a resumed run is cut
    // there. One write, so that no other output gets into the line.
    private string? PrintMarker(long step)
    {
        if (!OnPlatform) return null;
        var id = string.Create(CultureInfo.InvariantCulture, $"checkpoint:{step}");
        lock (Console.Out)
        {
            Console.Out.Flush();
            using var raw = Console.OpenStandardOutput();
            raw.Write(Encoding.UTF8.GetBytes(LogMarker.Line(id)));
            raw.Flush();
        }

        return id;
    }

    private static Dictionary<string, Tensor> States(IReadOnlyList<(string Prefix, nn.Module Module)> models)
    {
        var all = new Dictionary<string, Tensor>();
        foreach (var (prefix, module) in models)
        {
            foreach (var (name, tensor) in module.state_dict()) all.Add(prefix + name, tensor);
        }

        return all;
    }

    private static List<(string Prefix, T Value)> Prefixed<T>(IReadOnlyDictionary<string, T>? named) =>
        [.. (named ?? new Dictionary<string, T>()).Select(n => (n.Key + ".", n.Value))];
}
