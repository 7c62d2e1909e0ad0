namespace Serverless.GpuWorker.Compile;

/// <summary>What a compiler process is told to compile.</summary>
/// <param name="Source">Folder with the unpacked snapshot.</param>
/// <param name="Entry">Path of the entry file in it.</param>
/// <param name="Into">Folder for the program and its symbols.</param>
sealed record CompileRequest(string Source, string Entry, string Into)
{
    public void Write(BinaryWriter to)
    {
        foreach (var path in (string[])[Source, Entry, Into]) to.Write(path);
        to.Flush();
    }

    /// <exception cref="EndOfStreamException">There are no more.</exception>
    public static CompileRequest Read(BinaryReader from) => new(from.ReadString(), from.ReadString(), from.ReadString());
}
