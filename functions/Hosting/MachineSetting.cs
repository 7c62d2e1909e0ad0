using System.Globalization;

namespace Serverless.Functions.Hosting;

/// <summary>
/// The machine classes of a deployment, as its setting says them: <c>cpu=8,gpu-t4=8</c>, each with the
/// GiB that it has for a run's files; a class alone has no known limit.
/// </summary>
sealed record MachineSetting(IReadOnlyList<string> Names, IReadOnlyDictionary<string, long> DiskBytes)
{
    public const string Setting = "EXP_MACHINES";

    /// <exception cref="InvalidOperationException">The setting names no class, or a disk is no number.</exception>
    public static MachineSetting Parse(string setting)
    {
        var names = new List<string>();
        var disks = new Dictionary<string, long>();
        foreach (var entry in setting.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, disk) = entry.Split('=', StringSplitOptions.TrimEntries) switch
            {
                [var alone] => (alone, null as string),
                [var named, var gigabytes] => (named, gigabytes),
                _ => throw Wrong(entry),
            };
            names.Add(name);
            if (disk is not null)
            {
                disks[name] = int.TryParse(disk, NumberStyles.None, CultureInfo.InvariantCulture, out var gigabytes)
                    ? (long)gigabytes << 30
                    : throw Wrong(entry);
            }
        }

        return names.Count > 0 ? new(names, disks) : throw Wrong(setting);
    }

    private static InvalidOperationException Wrong(string text) => new($"{Setting}: '{text}' is not CLASS=GiB, such as cpu=8");
}
