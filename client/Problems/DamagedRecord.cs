namespace Serverless.Client;

/// <summary>A record that is there and cannot be read.</summary>
/// <param name="Key">Where it is.</param>
/// <param name="IsNewer">It is whole, but of a format that this version of the platform does not know: it must stay where it is.</param>
/// <param name="IsClosed">It may be whole: its permissions keep the platform from reading it, or its disk.</param>
public sealed record DamagedRecord(string Key, string Why, bool IsNewer = false, bool IsClosed = false)
{
    /// <summary>For a list's answer, in which it is left out when there is nothing to say.</summary>
    public static IReadOnlyList<DamagedRecord>? Listed(IReadOnlyList<DamagedRecord> damaged) => damaged.Count == 0 ? null : damaged;

    public override string ToString() => IsNewer || IsClosed ? $"{Key} cannot be read: {Why}" : $"{Key} is damaged: {Why}";
}
