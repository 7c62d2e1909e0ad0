using System.Globalization;
using System.Runtime.InteropServices;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// How many processes and threads this user, or this process's control group, may have. Code gets less than that: when it uses up all that it may
/// have, a worker that needs another thread still gets it. Without that the runtime would end the worker, its runners and the whole platform, whoever
/// had used them up. Not for root, to whom the kernel gives as many as it wants. See docs/decisions/0232.
/// </summary>
static partial class ProcessLimit
{
    private const int OfProcesses = 6;
    private const string Unlimited = "max";

    [StructLayout(LayoutKind.Sequential)]
    private struct Limits
    {
        public ulong Soft, Hard;
    }

    /// <summary>For a program that is started meanwhile.</summary>
    public static T WithReserve<T>(Func<T> start)
    {
        if (!TryGet(out var before) || Lowered(before.Soft, parts: 1) is not { } lower) return start();
        Set(before with { Soft = lower });
        try
        {
            return start();
        }
        finally
        {
            Set(before);
        }
    }

    /// <summary>From now on, for code in this process: half of the reserve is left, so that programs beside it leave it something.</summary>
    public static void KeepHalfOfTheReserve()
    {
        if (TryGet(out var before) && Lowered(before.Soft, parts: 2) is { } lower) Set(before with { Soft = lower });
    }

    /// <param name="soft">What this process may have by its own limit.</param>
    /// <param name="ofGroups">What the groups that it is in may have.</param>
    /// <param name="parts">Of so many equal parts of the reserve, one is kept.</param>
    /// <returns>Null: there is no limit.</returns>
    public static ulong? Lowered(ulong soft, IEnumerable<ulong> ofGroups, int parts)
    {
        var limit = ofGroups.Append(soft).Min();
        return limit > int.MaxValue ? null : limit - (Reserve(limit) / (ulong)parts);
    }

    // A platform with its workers has some hundred threads, and seldom twenty more.
    private static ulong Reserve(ulong limit) => Math.Min(limit / 4, 512);

    private static ulong? Lowered(ulong soft, int parts) => Lowered(soft, OfGroups(), parts);

    private static IEnumerable<ulong> OfGroups()
    {
        if (ControlGroups.Place is not { } place) yield break;
        for (var folder = place.Own; folder.Length >= place.Mount.Length; folder = Path.GetDirectoryName(folder) ?? "")
        {
            if (Read(Path.Combine(folder, "pids.max")) is { } limit) yield return limit;
        }
    }

    private static ulong? Read(string file)
    {
        try
        {
            var text = File.ReadAllText(file).Trim();
            return text != Unlimited && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : null;
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool TryGet(out Limits limits)
    {
        limits = default;
        return OperatingSystem.IsLinux() && Get(OfProcesses, ref limits) == 0;
    }

    private static void Set(Limits limits) => _ = Set(OfProcesses, in limits);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Get(int what, ref Limits limits);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int Set(int what, in Limits limits);
}
