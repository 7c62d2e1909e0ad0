using Microsoft.Win32.SafeHandles;
using Serverless.Contract;
using Serverless.Weights;
using static TorchSharp.torch;

namespace Serverless.Checkpoints;

/// <summary>One safetensors file of a checkpoint.</summary>
/// <param name="Texts">The header's metadata.</param>
internal sealed record CheckpointContent(string File, Dictionary<string, Tensor> Tensors, Dictionary<string, string> Texts);

/// <summary>A file of a checkpoint with its header laid out; its tensors are still the training's own.</summary>
internal sealed record CheckpointPart(CheckpointContent Content, SafeTensorsHeader Header, byte[] HeaderBytes)
{
    public IEnumerable<(TensorEntry Entry, Tensor Tensor)> Tensors => Header.Entries.Select(entry => (entry, Content.Tensors[entry.Name]));
}

/// <summary>A checkpoint that is to be: which bytes go where.</summary>
internal sealed unsafe class CheckpointDraft
{
    /// <summary>Files begin at whole pages, as memory is handed out.</summary>
    public const int PageBytes = 4096;

    public CheckpointDraft(IEnumerable<CheckpointContent> contents)
    {
        Parts = [.. contents.Select(Laid)];
        LengthBytes = Parts.Sum(part => Aligned(part.Header.FileBytes));
    }

    public IReadOnlyList<CheckpointPart> Parts { get; }
    public long LengthBytes { get; }
    public long Step { get; init; }

    /// <summary>Content of <see cref="CheckpointFiles.Info"/>.</summary>
    public byte[] Info { get; init; } = [];

    public static long Aligned(long bytes) => (bytes + PageBytes - 1) / PageBytes * PageBytes;

    /// <summary>
    /// Writes the files into a new folder straight from the tensors and lets the disk have them. On a GPU each tensor is a sync point.
    /// </summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var part in Parts)
        {
            using var file = Create(folder, part.Content.File, part.Header.FileBytes);
            RandomAccess.Write(file, part.HeaderBytes, 0);
            foreach (var (entry, tensor) in part.Tensors)
            {
                using var scope = NewDisposeScope();
                TensorMemory.Write(file, part.Header.DataStart + entry.Begin, TensorMemory.Pointer(TensorMemory.OnCpu(tensor)), entry.LengthBytes);
            }

            RandomAccess.FlushToDisk(file);
        }

        WriteInfo(folder, Info);
    }

    public static void WriteInfo(string folder, byte[] info)
    {
        using var file = Create(folder, CheckpointFiles.Info, info.Length);
        RandomAccess.Write(file, info, 0);
        RandomAccess.FlushToDisk(file);
    }

    public static SafeFileHandle Create(string folder, string name, long length) =>
        File.OpenHandle(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, preallocationSize: length);

    private static CheckpointPart Laid(CheckpointContent content)
    {
        var (header, bytes) = SafeTensorsHeader.Layout(
            content.Tensors.Select(t => (t.Key, TensorMemory.DType(t.Value, t.Key), t.Value.shape)), content.Texts);
        return new(content, header, bytes);
    }
}
