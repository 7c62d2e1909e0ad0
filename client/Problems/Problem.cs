using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>One thing wrong with what was sent. Both texts quote what was sent, and are cut where that is long.</summary>
/// <param name="Path">Where: <c>params.lr</c>, <c>inputs[0]</c>; empty: the whole.</param>
/// <param name="Message">What is wrong and what to change.</param>
public sealed record Problem(string Path, string Message)
{
    public const int MostOfPath = 200, MostOfMessage = 1000;

    public string Path { get; init; } = Excerpt.Of(Path, MostOfPath);

    public string Message { get; init; } = Excerpt.Of(Message, MostOfMessage);

    /// <summary>How many it stands for: more than one at the end of a list that is full.</summary>
    [JsonIgnore]
    public int Count { get; private init; } = 1;

    internal static Problem Further(int count) => new("", $"and {count} more") { Count = count };

    public override string ToString() => Path.Length == 0 ? Message : $"{Path}: {Message}";
}
