using System.Globalization;

namespace Serverless.Checkpoints;

/// <summary>
/// Writes checkpoints behind the training thread: one is being written, one may wait; a third save waits for room. A failed write surfaces at the next
/// save or at the end, once.
/// </summary>
internal sealed class CheckpointWriter(string folder)
{
    // Smaller is not worth a thread.
    private const long WorthPreparing = 16 << 20;

    // Guards everything below; pulsed at each change.
    private readonly object gate = new();

    // A stack: memory that was used before is used again, and the second image stays empty unless saves come faster than they are written.
    private readonly Stack<CheckpointImage> free = new([new(), new()]);
    private readonly Queue<CheckpointImage> filled = [];
    private readonly HashSet<long> steps = [];
    private int unwritten;
    private IOException? failure;
    private Thread? thread;

    /// <summary>Whether a checkpoint of this step is written or on its way.</summary>
    public bool Has(long step)
    {
        lock (gate) return steps.Contains(step);
    }

    /// <summary>Gets memory for the first save in the background.</summary>
    public void Prepare(long bytes)
    {
        if (bytes < WorthPreparing) return;
        var image = Rent();
        Start("checkpoint memory", () =>
        {
            image.Prepare(bytes);
            Return(image);
        });
    }

    /// <summary>Memory to fill; waits while two checkpoints are still to be written.</summary>
    /// <exception cref="CheckpointException">An earlier checkpoint could not be written.</exception>
    public CheckpointImage Rent()
    {
        lock (gate)
        {
            while (free.Count == 0) Monitor.Wait(gate);
            ThrowFailure();
            return free.Pop();
        }
    }

    public void Return(CheckpointImage image)
    {
        lock (gate)
        {
            free.Push(image);
            Monitor.PulseAll(gate);
        }
    }

    public void Submit(CheckpointImage image)
    {
        lock (gate)
        {
            thread ??= Start("checkpoints", WriteForever);
            steps.Add(image.Step);
            filled.Enqueue(image);
            unwritten++;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Waits until everything that was saved is written.</summary>
    /// <exception cref="CheckpointException">A checkpoint could not be written.</exception>
    public void Wait()
    {
        lock (gate)
        {
            while (unwritten > 0) Monitor.Wait(gate);
            ThrowFailure();
        }
    }

    private static Thread Start(string name, Action action)
    {
        var thread = new Thread(() => action()) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    private void ThrowFailure()
    {
        if (failure is not { } thrown) return;
        failure = null;
        throw new CheckpointException(thrown.Message, thrown);
    }

    private void WriteForever()
    {
        while (true)
        {
            CheckpointImage? image;
            lock (gate)
            {
                while (!filled.TryDequeue(out image)) Monitor.Wait(gate);
            }

            IOException? failed = null;
            try
            {
                Write(image);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                failed = new IOException($"checkpoint {image.Step} could not be written: {e.Message}", e);
            }

            lock (gate)
            {
                if (failed is not null) steps.Remove(image.Step);
                failure ??= failed;
                unwritten--;
                free.Push(image);
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
