namespace Serverless.GpuWorker.Agent;

/// <summary>Says once what is wrong, again when it is something else, and once that it is over.</summary>
/// <param name="what">What does not succeed, as the beginning of a sentence.</param>
/// <param name="say">Takes a line for people.</param>
sealed class Trouble(string what, Action<string> say)
{
    private readonly Lock gate = new();
    private string? said;

    /// <returns>Whether it was news.</returns>
    public bool Is(Exception wrong)
    {
        var line = $"{what} fails: {wrong.GetType().Name}: {wrong.Message}";
        lock (gate)
        {
            if (said == line) return false;
            said = line;
        }

        say(line);
        return true;
    }

    public void IsOver()
    {
        lock (gate)
        {
            if (said is null) return;
            said = null;
        }

        say($"{what} succeeds again");
    }
}
