using System.Security.Cryptography;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Prepare;

/// <summary>A large input that was given to code by a hard link, through which the code could write.</summary>
/// <param name="name">As the spec has it, for people.</param>
sealed class LinkedInput(string name, string path, string sha256)
{
    private readonly FileState given = FileCalls.LookAt(path).State;

    /// <summary>Whether it was written to; null: no. Other runs' links to the same file change its time as well: then its content decides.</summary>
    public string? Changed()
    {
        try
        {
            using var file = PlainFile.Open(Path.GetDirectoryName(path)!, Path.GetFileName(path));
            if (file is null || file.State == given || Convert.ToHexStringLower(SHA256.HashData(file.Content)) == sha256) return null;
            return $"the input {name}: it was written to";
        }
        catch (IOException)
        {
            // The code has removed the link, or put something in its place: that concerns nobody else.
            return null;
        }
    }
}
