using Microsoft.Win32.SafeHandles;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// One append to a file in place. It is announced in the stripe's state first and taken back from there last, which is the commit: in between, and
/// for ever when the process dies in between, readers show the version before, and the stripe's next writer cuts the file back to it.
/// </summary>
internal sealed class AppendedFile(FolderLayout layout) : IDisposable
{
    private SafeFileHandle? file;

    /// <param name="found">The object as it is.</param>
    public AppendResult Append(
        FileVersion? found, string key, long expectedOffset, ReadOnlySpan<byte> bytes, Stripe stripe, Func<long, long> floor, long nowTicks)
    {
        if (found is not { } current) return new(false, 0);
        if (current.LengthBytes != expectedOffset) return new(false, current.LengthBytes);
        file = File.OpenHandle(layout.PathOf(key), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        if (bytes.IsEmpty) return new(true, current.LengthBytes);
        var length = current.LengthBytes + bytes.Length;
        stripe.Set(stripe.State with { Append = new(key, current.LengthBytes, current.Ticks, length) });
        try
        {
            RandomAccess.Write(file, bytes, current.LengthBytes);
            var earliest = floor(current.Ticks) + 1;
            TemporaryFile.Stamp(file, length, Math.Max(nowTicks, earliest), earliest - 1);
        }
        catch
        {
            stripe.Recover(layout);
            throw;
        }

        stripe.Set(stripe.State with { Append = null });
        return new(true, length);
    }

    public void Sync()
    {
        if (file is not null) RandomAccess.FlushToDisk(file);
    }

    public void Dispose() => file?.Dispose();
}
