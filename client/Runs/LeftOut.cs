namespace Serverless.Client;

/// <summary>What a run left behind and could not be kept with it: nothing that fails a run, but nothing to be silent about.</summary>
/// <param name="Files">At most <see cref="MaxFiles"/>.</param>
/// <param name="Count">All of them.</param>
public sealed record LeftOut(IReadOnlyList<LeftOutFile> Files, int Count)
{
    /// <summary>A record must stay small.</summary>
    public const int MaxFiles = 20;
}

/// <param name="Path">As the code wrote it below its output folder, shortened where it is long; control characters are replaced.</param>
/// <param name="Why">The end of a sentence that begins with it.</param>
public sealed record LeftOutFile(string Path, string Why);
