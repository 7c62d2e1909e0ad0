using Serverless.GpuWorker.Execute;

namespace Serverless.Tests.Support;

/// <summary>The compiler that a process has started, seen from outside.</summary>
static class CompilerChild
{
    /// <returns>Its id; null when there is none.</returns>
    public static int? Of(int parent)
    {
        foreach (var entry in ProcessTree.Below(parent, new HashSet<int>()))
        {
            var isOne = ProcessTree.Read($"/proc/{entry.Id}/cmdline") is { } line && line.AsSpan().IndexOf("\0compiler\0"u8) > 0;
            if (isOne && entry.Parent == parent) return entry.Id;
        }

        return null;
    }

    public static bool Lives(int process) => ProcessTree.EntryOf(process) is { Zombie: false };
}
