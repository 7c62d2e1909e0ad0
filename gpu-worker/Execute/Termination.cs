namespace Serverless.GpuWorker.Execute;

/// <summary>
/// SIGTERM for every process that a run has when it is asked to leave, each of them once: what a handler starts to save something is not disturbed.
/// Whoever only reads what others of the run
/// write (<c>train | tee log</c>) is asked last: without a reader the last words of the others would break their pipe, and end them before they have
/// saved.
/// </summary>
sealed class Termination
{
    private const int StandardInput = 0, StandardOutput = 1, StandardError = 2;

    /// <summary>A reader ends by itself soon after its writers; one that does not may be the program that is to save something.</summary>
    private static readonly TimeSpan ReadersTime = TimeSpan.FromSeconds(1);

    private readonly TimeProvider time;

    // When each reader was first seen without a writer.
    private readonly Dictionary<int, long?> alone = [];

    private Termination(TimeProvider time) => this.time = time;

    /// <param name="group">The process group that the run began with.</param>
    /// <param name="members">Everything that runs.</param>
    public static Termination Begin(int group, IReadOnlyList<ProcessTree.Entry> members, TimeProvider time)
    {
        var begun = new Termination(time);
        var readers = ReadersAmong(members);
        foreach (var reader in readers) begun.alone[reader] = null;

        // A group is signalled at once: nothing of it is missed because it was just being started.
        var atOnce = readers.Count == 0 && Native.Kill(-group, Native.SigTerm) == 0;
        foreach (var member in members)
        {
            if (!readers.Contains(member.Id) && !(atOnce && member.Group == group)) Native.Kill(member.Id, Native.SigTerm);
        }

        return begun;
    }

    /// <summary>Whether somebody is still to be asked.</summary>
    public bool GoesOn => alone.Count > 0;

    /// <summary>Asks the readers whose writers have left.</summary>
    public void Continue(IReadOnlyList<ProcessTree.Entry> members)
    {
        var held = ReadersAmong(members);
        foreach (var reader in alone.Keys.ToList())
        {
            if (members.All(member => member.Id != reader)) alone.Remove(reader);
            else if (held.Contains(reader)) continue;
            else if (alone[reader] is not { } since) alone[reader] = time.GetTimestamp();
            else if (time.GetElapsedTime(since) >= ReadersTime)
            {
                Native.Kill(reader, Native.SigTerm);
                alone.Remove(reader);
            }
        }
    }

    private static HashSet<int> ReadersAmong(IReadOnlyList<ProcessTree.Entry> members)
    {
        var sources = members.Select(member => (member.Id, Pipe: PipeAt(member.Id, StandardInput))).Where(reader => reader.Pipe is not null).ToList();
        if (sources.Count == 0) return [];
        int[] outputs = [StandardOutput, StandardError];
        var written = members.SelectMany(member => outputs.Select(file => (member.Id, Pipe: PipeAt(member.Id, file))))
            .Where(writer => writer.Pipe is not null).ToLookup(writer => writer.Pipe, writer => writer.Id);
        return [.. sources.Where(reader => written[reader.Pipe].Any(writer => writer != reader.Id)).Select(reader => reader.Id)];
    }

    // "pipe:[41773]": the same for all who hold an end of it.
    private static string? PipeAt(int process, int file)
    {
        try
        {
            var target = new FileInfo(FormattableString.Invariant($"/proc/{process}/fd/{file}")).LinkTarget;
            return target?.StartsWith("pipe:", StringComparison.Ordinal) == true ? target : null;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
