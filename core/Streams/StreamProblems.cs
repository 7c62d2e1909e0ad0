namespace Serverless.Core.Streams;

/// <summary>What a reader of a run's streams could not read. Reading goes on: whoever is answered gets the rest, and this.</summary>
public sealed class StreamProblems
{
    private const int Most = 20;

    private readonly List<string> first = [];
    private int more;

    /// <summary>In words, at most some twenty lines.</summary>
    public IReadOnlyList<string> All => more == 0 ? first : [.. first, $"and {more} more problems like these"];

    public void Missing(string key) => Add($"{key} is missing");

    public void Short(string key, long length, long expected) => Add($"{key} is cut short: it has {length} bytes of {expected}");

    public void Damaged(string key, string what) => Add($"{key} is damaged, what follows in it is not shown: {what}");

    private void Add(string problem)
    {
        if (first.Count < Most) first.Add(problem);
        else more++;
    }
}
