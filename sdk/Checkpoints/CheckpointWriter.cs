using System.Globalization;

namespace Serverless.Checkpoints;

/// <summary>
/// Writes checkpoints behind the training thread: one is being written, one may wait; a third save waits for room. A failed write surfaces at the
/// next
/// save or at the end, once. What disk and memory have no room for is not begun.
/// </summary>
internal sealed class CheckpointWriter(string folder)
{
    // Smaller is not worth a thread.
    private const long WorthPreparing = 16 << 20;

    // Left for metrics, the log and everybody else.
    private const long DiskReserve = 16 << 20, MemoryReserve = 64 << 20;

    // Guards everything below; pulsed at each change.
    private readonly object gate = new();

    // A stack: memory that was used before is used again, and the second image stays empty unless saves come faster than they are written.
    private readonly Stack<CheckpointImage> free = new([new(), new()]);
    private readonly Queue<CheckpointImage> filled = [];
    private readonly HashSet<long> steps = [];
    private readonly int images = 2;
    private int unwritten;
    private long unwrittenBytes;
    private IOException? failure;
    private Thread? thread;
    private int leftOutSince;
    private bool saidNoMemory;

    /// <summary>Saves that the disk had no room for.</summary>
    public int LeftOut { get; private set; }

    public bool IsWriting
    {
        get
        {
            lock (gate) return unwritten > 0;
        }
    }

    /// <summary>Whether a checkpoint of this step is written or on its way.</summary>
    public bool Has(long step)
    {
        lock (gate) return steps.Contains(step);
    }

    /// <summary>Gets memory for a save of this size in the background.</summary>
    public void Prepare(long bytes)
    {
        CheckpointImage image;
        lock (gate)
        {
            if (bytes < WorthPreparing || free.Count < images || free.Peek().CapacityBytes >= bytes || !HasMemory(free.Peek(), bytes)) return;
            image = free.Pop();
        }

        Start("checkpoint memory", () =>
        {
            if (image.TryReserve(bytes)) image.Touch();
            Return(image);
        });
    }

    /// <summary>Whether the disk has room. When it has none, it is said once, until it has again.</summary>
    /// <exception cref="CheckpointException">An earlier checkpoint could not be written.</exception>
    public bool HasRoom(long step, long bytes)
    {
        lock (gate)
        {
            ThrowFailure();
            var needed = bytes + unwrittenBytes + DiskReserve;
            if (FreeSpace.OnDisk(folder) is not { } there || there >= needed)
            {
                if (leftOutSince > 0) Say($"checkpoint {step} is saved again; {leftOutSince} before it were left out");
                leftOutSince = 0;
                return true;
            }

            LeftOut++;
            if (leftOutSince++ > 0) return false;
            var kept = steps.Count > 0 ? $"checkpoint {steps.Max()}" : "nothing newer than where this attempt began";
            Say($"checkpoint {step} is left out: it needs {Mb(needed)} of disk and {Mb(there)} are free; the training goes on, and {kept} is what " +
                "it can go on from");
            return false;
        }
    }

    /// <summary>Memory to fill; waits while both images are in use, or while memory is short and one of them will be free.</summary>
    /// <returns>Null when there is no memory for an image of this size: write from the tensors.</returns>
    /// <exception cref="CheckpointException">An earlier checkpoint could not be written.</exception>
    public CheckpointImage? Rent(long step, long bytes)
    {
        lock (gate)
        {
            while (true)
            {
                ThrowFailure();
                if (free.TryPeek(out var image) && HasMemory(image, bytes) && image.TryReserve(bytes)) return free.Pop();
                if (free.Count == images)
                {
                    var needed = Mb(CheckpointImage.NeededFor(bytes));
                    if (!saidNoMemory)
                    {
                        Say($"checkpoint {step} is written without a copy: one needs {needed} of memory, which is not free; saves block training " +
                            "for longer");
                    }

                    saidNoMemory = true;
                    return null;
                }

                Monitor.Wait(gate);
            }
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
            unwrittenBytes += image.CapacityBytes;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Writes on the calling thread.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Write(CheckpointDraft draft)
    {
        try
        {
            Write(draft.Step, draft.Write);
            lock (gate) steps.Add(draft.Step);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"checkpoint {draft.Step} could not be written: {e.Message}", e);
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

    // Memory that an image has is its own; what it lacks must be free.
    private static bool HasMemory(CheckpointImage image, long bytes) =>
        image.CapacityBytes >= bytes || FreeSpace.InMemory() is not { } there
            || there + image.CapacityBytes >= CheckpointImage.NeededFor(bytes) + MemoryReserve;

    private static void Say(string line) => Console.Error.WriteLine(line);

    private static string Mb(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.#} MB");

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
                Write(image.Step, image.Write);
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
                unwrittenBytes -= image.CapacityBytes;
                free.Push(image);
                Monitor.PulseAll(gate);
            }
        }
    }

    private void Write(long step, Action<string> write)
    {
        var name = step.ToString(CultureInfo.InvariantCulture);
        var partial = Path.Combine(folder, $".{name}.tmp");
        try
        {
            write(partial);
            Directory.Move(partial, Path.Combine(folder, name));
        }
        catch
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
            throw;
        }
    }
}
