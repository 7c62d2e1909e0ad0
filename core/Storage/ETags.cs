namespace Serverless.Core.Storage;

/// <summary>ETags as several sources write them: HTTP and Event Grid with quotation marks or without.</summary>
public static class ETags
{
    public static bool AreEqual(string one, string other) => one.AsSpan().Trim('"').SequenceEqual(other.AsSpan().Trim('"'));
}
