using System.Runtime.InteropServices;
using Serverless.Weights;
using static TorchSharp.torch;

namespace Serverless.Checkpoints;

/// <summary>The files of one checkpoint, copied to memory that is used again for a later one.</summary>
internal sealed unsafe partial class CheckpointImage
{
    // Large enough to be worth handing to another core, small enough to spread evenly.
    private const long PieceBytes = 4 << 20;
    private const long HugePageBytes = 2 << 20;
    private const int AdviseHugePages = 14;

    private readonly List<(string Name, long Offset, long LengthBytes)> files = [];
    private byte* memory;
    private byte[] info = [];

    public long Step { get; private set; }

    public long CapacityBytes { get; private set; }

    /// <summary>
    /// What getting memory for a checkpoint of this size takes: whole large pages, of which the last has room for a state that grows a little.
    /// </summary>
    public static long NeededFor(long bytes) => (bytes / HugePageBytes + 1) * HugePageBytes;

    /// <returns>False when the system refuses. What it had is given back then.</returns>
    public bool TryReserve(long bytes)
    {
        if (bytes <= CapacityBytes) return true;
        NativeMemory.AlignedFree(memory);
        memory = null;
        CapacityBytes = 0;
        var capacity = NeededFor(bytes);
        try
        {
            memory = (byte*)NativeMemory.AlignedAlloc((nuint)capacity, (nuint)HugePageBytes);
        }
        catch (OutOfMemoryException)
        {
            return false;
        }

        // A page's first touch costs more than copying to it: with large pages there are 512 times
        // fewer. Where the system has none, it says no, and nothing is lost.
        if (OperatingSystem.IsLinux()) _ = Advise((nint)memory, (nuint)capacity, AdviseHugePages);
        CapacityBytes = capacity;
        return true;
    }

    /// <summary>Touches the memory: the first touch is what takes time.</summary>
    public void Touch()
    {
        for (long at = 0; at < CapacityBytes; at += CheckpointDraft.PageBytes) memory[at] = 0;
    }

    /// <summary>
    /// Copies the tensors of all files, on all cores at once, into memory that was reserved. Returns when nothing refers to the tensors any more.
    /// </summary>
    public void Fill(CheckpointDraft draft)
    {
        if (!TryReserve(draft.LengthBytes)) throw new InsufficientMemoryException($"no memory for a checkpoint of {draft.LengthBytes} bytes");
        (Step, info) = (draft.Step, draft.Info);
        files.Clear();
        var pieces = new List<(nint From, long To, long Length)>();
        long at = 0;
        foreach (var part in draft.Parts)
        {
            files.Add((part.Content.File, at, part.Header.FileBytes));
            part.HeaderBytes.CopyTo(new Span<byte>(memory + at, part.HeaderBytes.Length));
            foreach (var (entry, tensor) in part.Tensors)
            {
                var to = at + part.Header.DataStart + entry.Begin;
                using var scope = NewDisposeScope();
                // The sync point of a save: a tensor on a GPU is fetched here, and its copy freed before the next is.
                var here = TensorMemory.OnCpu(tensor);
                if (ReferenceEquals(here, tensor)) AddPieces(pieces, (nint)TensorMemory.Pointer(tensor), to, entry.LengthBytes);
                else Buffer.MemoryCopy(TensorMemory.Pointer(here), memory + to, entry.LengthBytes, entry.LengthBytes);
            }

            at += CheckpointDraft.Aligned(part.Header.FileBytes);
        }

        if (pieces.Sum(p => p.Length) <= PieceBytes) pieces.ForEach(Copy);
        else Parallel.ForEach(pieces, Copy);
        GC.KeepAlive(draft);
    }

    /// <summary>Writes the files into a new folder and lets the disk have them.</summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, offset, length) in files)
        {
            using var file = CheckpointDraft.Create(folder, name, length);
            TensorMemory.Write(file, 0, memory + offset, length);
            RandomAccess.FlushToDisk(file);
        }

        CheckpointDraft.WriteInfo(folder, info);
    }

    private static void AddPieces(List<(nint From, long To, long Length)> pieces, nint from, long to, long length)
    {
        for (long done = 0; done < length; done += PieceBytes) pieces.Add(((nint)(from + done), to + done, Math.Min(PieceBytes, length - done)));
    }

    private void Copy((nint From, long To, long Length) piece) => Buffer.MemoryCopy((byte*)piece.From, memory + piece.To, piece.Length, piece.Length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nuint length, int advice);
}
