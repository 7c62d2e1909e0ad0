namespace Serverless.Core.Workers;

/// <summary>
/// Lets a process go on that somebody has stopped with a signal: it would neither see the end of its work nor renew its lease. Nobody who means well
/// stops it for long, and whoever does it again and again is not let do so for ever. See docs/decisions/0194.
/// </summary>
public sealed class StoppedProcess(int id, TimeProvider time, Action letGoOn)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1), StoppedFor = TimeSpan.FromSeconds(5);
    private const int MostTimes = 3;

    /// <summary>
    /// Whether a signal stopped it. A debugger that holds it is another state, and so is a machine or a container that stands still.
    /// </summary>
    public static bool Is(int id)
    {
        try
        {
            var stat = File.ReadAllBytes($"/proc/{id}/stat");
            return stat.AsSpan(stat.AsSpan().LastIndexOf((byte)')') + 1) is [_, (byte)'T', ..];
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Looks after it until it has ended.</summary>
    /// <param name="say">Hears each time that it was let go on.</param>
    /// <returns>Whether that is in vain: it was stopped again each time, and is stopped now.</returns>
    public async Task<bool> Watch(Action say, CancellationToken ended)
    {
        long? since = null;
        for (var times = 0; ;)
        {
            await Task.Delay(LookEvery, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ended.IsCancellationRequested) return false;
            if (!Is(id)) since = null;
            else if (since is not { } begun) since = time.GetTimestamp();
            else if (time.GetElapsedTime(begun) >= StoppedFor)
            {
                if (times++ == MostTimes) return true;
                say();
                letGoOn();
                since = null;
            }
        }
    }
}
