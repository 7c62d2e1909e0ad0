using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Serverless.Weights;

/// <summary>An open safetensors file: tensors are read one by one, straight into the memory of the tensor that takes them.</summary>
internal sealed unsafe class SafeTensorsFile : IDisposable
{
    private readonly string path;
    private readonly FileStream stream;
    private readonly Dictionary<string, TensorEntry> entries;

    /// <exception cref="InvalidDataException">Not a whole safetensors file; the message names it.</exception>
    public SafeTensorsFile(string path)
    {
        this.path = path;
        stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            Header = SafeTensorsHeader.Read(stream);
        }
        catch (InvalidDataException e)
        {
            stream.Dispose();
            throw new InvalidDataException($"{path} is not a whole safetensors file: {e.Message}", e);
        }

        entries = Header.Entries.ToDictionary(e => e.Name);
    }

    public SafeTensorsHeader Header { get; }

    private SafeFileHandle Handle => stream.SafeFileHandle;

    public bool Has(string name) => entries.ContainsKey(name);

    public void Dispose() => stream.Dispose();

    /// <summary>A new CPU tensor in the current dispose scope.</summary>
    public Tensor Read(string name)
    {
        var entry = Entry(name);
        var tensor = empty(entry.Shape, dtype: TensorMemory.ScalarTypeOf(entry.DType));
        TensorMemory.Read(Handle, Header.DataStart + entry.Begin, TensorMemory.Pointer(tensor), entry.LengthBytes);
        return tensor;
    }

    /// <summary>Fills the tensor in place, whatever device it is on.</summary>
    /// <exception cref="InvalidDataException">The file's tensor has another shape or type.</exception>
    public void ReadInto(string name, Tensor tensor)
    {
        var entry = Entry(name);
        if (Mismatch(entry, tensor) is { } mismatch) throw new InvalidDataException($"{path}: {mismatch}");
        if (tensor.device_type == TorchSharp.DeviceType.CPU && tensor.is_contiguous())
        {
            TensorMemory.Read(Handle, Header.DataStart + entry.Begin, TensorMemory.Pointer(tensor), entry.LengthBytes);
            return;
        }

        using var inference = no_grad();
        using var cpu = Read(name);
        tensor.copy_(cpu);
    }

    /// <summary>Fills all of the tensors. Everything that does not fit is in one message, and then nothing was changed.</summary>
    /// <param name="strict">False: tensors that the file lacks or has in another shape keep their
    /// values, and what is left over in the file is ignored.</param>
    /// <exception cref="InvalidDataException">The file and the tensors differ in names, shapes or types.</exception>
    public void ReadInto(IReadOnlyDictionary<string, Tensor> tensors, bool strict = true)
    {
        if (strict)
        {
            var problems = tensors.Keys.Where(n => !Has(n)).Select(n => $"{n} is missing in the file")
                .Concat(entries.Keys.Where(n => !tensors.ContainsKey(n)).Select(n => $"{n} is in the file only"))
                .Concat(tensors.Where(t => Has(t.Key)).Select(t => Mismatch(entries[t.Key], t.Value)).OfType<string>()).ToList();
            if (problems.Count > 0)
                throw new InvalidDataException(
                    $"{path} does not fit the model: " +
                    $"{string.Join("; ", problems.Take(8))}{(problems.Count > 8 ? $"; and {problems.Count - 8} more" : "")}");
        }

        foreach (var (name, tensor) in tensors)
        {
            if (Has(name) && Mismatch(entries[name], tensor) is null) ReadInto(name, tensor);
        }
    }

    public byte[] ReadBytes(string name)
    {
        var entry = Entry(name);
        var bytes = new byte[entry.LengthBytes];
        fixed (byte* into = bytes) TensorMemory.Read(Handle, Header.DataStart + entry.Begin, into, bytes.Length);
        return bytes;
    }

    private TensorEntry Entry(string name) =>
        entries.TryGetValue(name, out var entry) ? entry : throw new InvalidDataException($"{path} has no tensor '{name}'");

    private static string? Mismatch(TensorEntry entry, Tensor tensor)
    {
        var dtype = TensorMemory.DType(tensor, entry.Name);
        return entry.Shape.AsSpan().SequenceEqual(tensor.shape) && entry.DType == dtype
            ? null
            : $"{entry.Name} is {entry.DType} [{string.Join(", ", entry.Shape)}] in the file and {dtype} [{string.Join(", ", tensor.shape)}] in " +
                "the model";
    }
}
