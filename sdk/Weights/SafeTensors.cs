using Serverless.Weights;
using static TorchSharp.torch;

namespace Serverless;

/// <summary>
/// Reads and writes tensors in the safetensors format, which PyTorch and most other libraries open. Sub-byte and 8-bit float types, unsigned types
/// wider than a byte and 128-bit complex numbers are refused.
/// </summary>
public static class SafeTensors
{
    /// <summary>Writes tensors to a file. It appears whole or not at all; an older one is replaced. On a GPU each tensor is a sync point.</summary>
    /// <param name="metadata">Texts kept in the file's header.</param>
    /// <exception cref="ArgumentException">A tensor has a name that the format keeps for itself,
    /// or a metadata value is null. Nothing was written.</exception>
    /// <exception cref="NotSupportedException">A tensor cannot be written as it is. Nothing was written.</exception>
    public static unsafe void Save(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var named = tensors.ToDictionary();
        var (header, bytes) = SafeTensorsHeader.Layout(named.Select(t => (t.Key, TensorMemory.DType(t.Value, t.Key), t.Value.shape)), metadata);
        var partial = path + ".tmp";
        try
        {
            using (var file = File.OpenHandle(partial, FileMode.Create, FileAccess.Write))
            {
                RandomAccess.Write(file, bytes, 0);
                foreach (var entry in header.Entries)
                {
                    using var scope = NewDisposeScope();
                    var cpu = TensorMemory.OnCpu(named[entry.Name]);
                    TensorMemory.Write(file, header.DataStart + entry.Begin, TensorMemory.Pointer(cpu), entry.LengthBytes);
                }
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            // What was thrown says more than a second failure would.
            try
            {
                File.Delete(partial);
            }
            catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
            {
            }

            throw;
        }
    }

    /// <summary>Writes a module's parameters and persistent buffers under their <c>state_dict</c> names.</summary>
    public static void Save(string path, nn.Module module, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var scope = NewDisposeScope();
        Save(path, module.state_dict(), metadata);
    }

    /// <summary>All tensors of a file, on the CPU, in the current dispose scope.</summary>
    /// <exception cref="InvalidDataException">Not a whole safetensors file.</exception>
    public static Dictionary<string, Tensor> Load(string path)
    {
        using var file = new SafeTensorsFile(path);
        return file.Header.Entries.ToDictionary(e => e.Name, e => file.Read(e.Name));
    }

    /// <summary>Fills a module's parameters and buffers in place, on whatever device they are.</summary>
    /// <param name="strict">True: names, shapes and types must be the same on both sides.
    /// False: what fits is filled, the rest keeps its values.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or does not fit; every difference is named.</exception>
    public static void Load(string path, nn.Module module, bool strict = true)
    {
        using var scope = NewDisposeScope();
        using var file = new SafeTensorsFile(path);
        file.ReadInto(module.state_dict(), strict);
    }
}
