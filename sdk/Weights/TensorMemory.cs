using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Serverless.Weights;

/// <summary>A tensor's bytes, as safetensors names and orders them.</summary>
internal static unsafe class TensorMemory
{
    // One read or write call; Linux moves at most 2 GiB in one.
    private const int Piece = 1 << 30;

    /// <exception cref="NotSupportedException">The tensor has no such bytes.</exception>
    public static string DType(Tensor tensor, string name) => tensor.is_sparse
        ? throw new NotSupportedException($"{name}: safetensors has no sparse tensors; convert it with .to_dense()")
        : tensor.device_type == DeviceType.META ? throw new NotSupportedException($"{name}: it is on the meta device and has no values")
        : tensor.dtype switch
    {
        ScalarType.Bool => "BOOL",
        ScalarType.Byte => "U8",
        ScalarType.Int8 => "I8",
        ScalarType.Int16 => "I16",
        ScalarType.Int32 => "I32",
        ScalarType.Int64 => "I64",
        ScalarType.Float16 => "F16",
        ScalarType.BFloat16 => "BF16",
        ScalarType.Float32 => "F32",
        ScalarType.Float64 => "F64",
        ScalarType.ComplexFloat32 => "C64",
        _ => throw new NotSupportedException($"{name}: safetensors has no type for {tensor.dtype}; convert it with .to(…)"),
    };

    public static ScalarType ScalarTypeOf(string dtype) => dtype switch
    {
        "BOOL" => ScalarType.Bool,
        "U8" => ScalarType.Byte,
        "I8" => ScalarType.Int8,
        "I16" => ScalarType.Int16,
        "I32" => ScalarType.Int32,
        "I64" => ScalarType.Int64,
        "F16" => ScalarType.Float16,
        "BF16" => ScalarType.BFloat16,
        "F32" => ScalarType.Float32,
        "F64" => ScalarType.Float64,
        "C64" => ScalarType.ComplexFloat32,
        _ => throw new InvalidDataException($"tensors of type {dtype} cannot be read by torch"),
    };

    /// <summary>
    /// The same values in CPU memory, row-major: the tensor itself when it is so already, else
    /// a copy in the current dispose scope (a sync point on a GPU).
    /// </summary>
    public static Tensor OnCpu(Tensor tensor) =>
        tensor.device_type == DeviceType.CPU && tensor.is_contiguous() ? tensor : tensor.detach().cpu().contiguous();

    public static long LengthBytes(Tensor tensor) => tensor.numel() * tensor.element_size();

    /// <summary>First byte of a contiguous CPU tensor; valid as long as the tensor lives.</summary>
    public static byte* Pointer(Tensor tensor)
    {
        if (tensor.numel() == 0) return null;
        if (LengthBytes(tensor) <= int.MaxValue) return First(tensor);
        // A span cannot hold more than 2 GiB; the first element's address is the tensor's.
        using var detached = tensor.detach();
        using var flat = detached.view(-1);
        using var head = flat.narrow(0, 0, 1);
        return First(head);
    }

    public static void Write(SafeFileHandle file, long at, byte* from, long length)
    {
        for (long done = 0; done < length; done += Piece)
            RandomAccess.Write(file, new ReadOnlySpan<byte>(from + done, (int)Math.Min(Piece, length - done)), at + done);
    }

    /// <exception cref="InvalidDataException">The file ends before.</exception>
    public static void Read(SafeFileHandle file, long at, byte* into, long length)
    {
        while (length > 0)
        {
            var read = RandomAccess.Read(file, new Span<byte>(into, (int)Math.Min(Piece, length)), at);
            if (read == 0) throw new InvalidDataException("the file ends in the middle of a tensor");
            at += read;
            into += read;
            length -= read;
        }
    }

    private static byte* First(Tensor tensor)
    {
        // Native memory: it does not move.
        fixed (byte* first = tensor.bytes) return first;
    }
}
