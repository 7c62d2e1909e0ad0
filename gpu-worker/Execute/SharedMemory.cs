using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// What System V keeps for a user until somebody removes it, in no folder: shared memory, semaphores, queues of messages. Linux only.
/// </summary>
static unsafe partial class SharedMemory
{
    private const int Remove = 0;

    private delegate int Removal(int id);

    private static readonly (string Table, Removal Removal)[] Kinds =
    [
        ("shm", static id => ControlMemory(id, Remove, null)), ("sem", static id => ControlSemaphores(id, 0, Remove)),
        ("msg", static id => ControlMessages(id, Remove, null)),
    ];

    /// <summary>What a user has: of which kind, and its id.</summary>
    public static IEnumerable<(string Kind, int Id)> Of(uint user) =>
        OperatingSystem.IsLinux() ? Kinds.SelectMany(kind => Of(kind.Table, user).Select(id => (kind.Table, id))) : [];

    public static void RemoveOf(uint user, IReadOnlySet<(string Kind, int Id)> but)
    {
        foreach (var (kind, id) in Of(user))
        {
            if (!but.Contains((kind, id))) Kinds.First(one => one.Table == kind).Removal(id);
        }
    }

    // A line of names, and then one for each: the id is the second column, and the owner's has a name.
    private static List<int> Of(string table, uint user)
    {
        if (ProcessTree.Read($"/proc/sysvipc/{table}") is not { } content) return [];
        var lines = Encoding.UTF8.GetString(content).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Words).ToList();
        var owner = lines.Count > 0 ? Array.IndexOf(lines[0], "uid") : -1;
        var found = new List<int>();
        foreach (var line in lines.Skip(1))
        {
            if (owner <= 1 || line.Length <= owner || line[owner] != user.ToString(CultureInfo.InvariantCulture)) continue;
            if (int.TryParse(line[1], NumberStyles.None, CultureInfo.InvariantCulture, out var id)) found.Add(id);
        }

        return found;
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    [LibraryImport("libc", EntryPoint = "shmctl")]
    private static partial int ControlMemory(int id, int command, void* facts);

    [LibraryImport("libc", EntryPoint = "semctl")]
    private static partial int ControlSemaphores(int id, int number, int command);

    [LibraryImport("libc", EntryPoint = "msgctl")]
    private static partial int ControlMessages(int id, int command, void* facts);
}
