namespace Serverless.GpuWorker.Execute;

/// <summary>When memory runs out the kernel shall end what works on people's code, not the agent, which can tell of it.</summary>
static class OomScore
{
    /// <summary>This process, and what it starts, go first.</summary>
    public static void Volunteer()
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            File.WriteAllText("/proc/self/oom_score_adj", "500");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Then the kernel decides by size, which is the same nearly always.
        }
    }
}
