using System.Collections.Concurrent;
using System.Globalization;

namespace Serverless.Checkpoints;

/// <summary>
/// Writes checkpoints behind the training thread: one is being written, one may wait; a third save waits for room. A failed write surfaces at the next
/// save or at the end, once.
/// </summary>
internal sealed class CheckpointWriter(string folder)
{
    private readonly BlockingCollection<CheckpointImage> free = [new(), new()];
    private readonly BlockingCollection<CheckpointImage> filled = [];
    private readonly object gate = new();
    private readonly HashSet<long> steps = [];
    private int unwritten;
    private Exception? failure;
    private Thread? thread;

    /// <summary>Whether a checkpoint of this step is written or on its way.</summary>
    public bool Has(long step)
    {
        lock (gate) return steps.Contains(step);
    }

    /// <summary>Memory to fill; waits while two checkpoints are still to be written.</summary>
    /// <exception cref="CheckpointException">An earlier checkpoint could not be written.</exception>
    public CheckpointImage Rent()
    {
        ThrowFailure();
        return free.Take();
    }

    public void Return(CheckpointImage image) => free.Add(image);

    public void Submit(CheckpointImage image)
    {
        lock (gate)
        {
            if (thread is null)
            {
                thread = new Thread(WriteForever) { IsBackground = true, Name = "checkpoints" };
                thread.Start();
            }

            unwritten++;
            steps.Add(image.Step);
        }

        filled.Add(image);
    }

    /// <summary>Waits until everything that was saved is written.</summary>
    /// <exception cref="CheckpointException">A checkpoint could not be written.</exception>
    public void Wait()
    {
        lock (gate)
        {
            while (unwritten > 0) Monitor.Wait(gate);
        }

        ThrowFailure();
    }

    private void ThrowFailure()
    {
        if (Interlocked.Exchange(ref failure, null) is { } thrown) throw new CheckpointException(thrown.Message, thrown);
    }

    private void WriteForever()
    {
        foreach (var image in filled.GetConsumingEnumerable())
        {
            try
            {
                Write(image);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                lock (gate) steps.Remove(image.Step);
                Volatile.Write(ref failure, new IOException($"checkpoint {image.Step} could not be written: {e.Message}", e));
            }

            free.Add(image);
            lock (gate)
            {
                unwritten--;
                Monitor.PulseAll(gate);
            }
        }
    }

    private void Write(CheckpointImage image)
    {
        var name = image.Step.ToString(CultureInfo.InvariantCulture);
        var partial = Path.Combine(folder, $".{name}.tmp");
        try
        {
            image.Write(partial);
            Directory.Move(partial, Path.Combine(folder, name));
        }
        catch
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
            throw;
        }
    }
}
