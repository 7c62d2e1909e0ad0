using System.Text;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// The one rule for what code leaves: whatever is wrong with an output leaves that output out, is said
/// once in the log and stands in the run's record, and ends nothing.
/// </summary>
/// <param name="say">Takes a line for the run's log.</param>
sealed class Omissions(Action<string> say)
{
    /// <summary>Beyond, they are only counted.</summary>
    private const int MaxKnown = 5000;
    private const int MaxSaid = LeftOut.MaxFiles, MaxPath = 200;

    private readonly Lock gate = new();
    private readonly HashSet<string> said = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> now = new(StringComparer.Ordinal);
    private int uncounted;

    /// <summary>What is left out as things stand; null: nothing.</summary>
    public LeftOut? Summary
    {
        get
        {
            lock (gate) return now.Count == 0
                ? null
                : new([.. now.Take(LeftOut.MaxFiles).Select(one => new LeftOutFile(Shown(one.Key), one.Value))], now.Count + uncounted);
        }
    }

    /// <summary>
    /// Whether a failure is an output's own. The others are about the attempt: it is over or was replaced, or nothing has room any more.
    /// </summary>
    public static bool IsOfOutput(Exception trouble) =>
        trouble is not (OperationCanceledException or StreamTakenException or StoreFullException or StoreUnavailableException
            or IOException { HResult: Posix.ENOSPC });

    /// <param name="path">Below the output folder.</param>
    /// <param name="why">The end of a sentence that begins with the path.</param>
    public void Add(string path, string why)
    {
        bool named;
        lock (gate)
        {
            if (now.ContainsKey(path)) return;
            if (now.Count < MaxKnown) now[path] = why;
            else uncounted++;
            if (said.Count > MaxSaid || !said.Add(path)) return;
            named = said.Count <= MaxSaid;
        }

        say(named ? $"left out: {Shown(path)}: {why}" : "left out: more files; how many there are is in the run's record at its end");
    }

    /// <summary>Before a last look at everything below a folder: what is gone by then, or was mended, is not left out.</summary>
    public void LookAgain(string below)
    {
        lock (gate)
        {
            uncounted = 0;
            foreach (var path in now.Keys.Where(path => path == below || path.StartsWith(below + "/", StringComparison.Ordinal)).ToList())
            {
                now.Remove(path);
            }
        }
    }

    /// <summary>Does what concerns one output.</summary>
    /// <param name="isLast">False: a later look tries again, and nothing is said until then.</param>
    public async Task Guard(string path, bool isLast, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception trouble) when (IsOfOutput(trouble))
        {
            if (isLast || trouble is NotPlainException)
            {
                Add(path, FaultText.Of(trouble));
            }
        }
    }

    // Paths go to terminals and into a record.
    private static string Shown(string path)
    {
        var text = new StringBuilder(Math.Min(path.Length, MaxPath + 1));
        foreach (var rune in path.EnumerateRunes())
        {
            if (text.Length >= MaxPath) return text.Append('…').ToString();
            text.Append(Rune.IsControl(rune) ? Rune.ReplacementChar : rune);
        }

        return text.ToString();
    }
}
