using System.Diagnostics;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// The processes that the agent has started and looks after. Every other child of it is an orphan that a run has left behind, and is ended.
/// </summary>
static class Children
{
    private static readonly HashSet<int> Started = [];

    /// <summary>Whoever holds it knows that nobody is starting a process: a child that is not among <see cref="Known"/> is an orphan.</summary>
    public static Lock Gate { get; } = new();

    /// <summary>Their ids; to be used under the <see cref="Gate"/>.</summary>
    public static IReadOnlySet<int> Known => Started;

    /// <summary>Starts a process with pipes for its standard streams, and with this environment and nothing else.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The machine has no process or no memory left for it.</exception>
    public static Process Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(command[0])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (var word in command.Skip(1)) start.ArgumentList.Add(word);
        start.Environment.Clear();
        foreach (var (name, value) in environment) start.Environment[name] = value;
        lock (Gate)
        {
            var process = Process.Start(start)!;
            Started.Add(process.Id);
            return process;
        }
    }

    /// <summary>It has ended; its id may soon be another's.</summary>
    public static void Forget(int id)
    {
        lock (Gate) Started.Remove(id);
    }
}
