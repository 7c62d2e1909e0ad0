using Serverless.Core.Datasets;

namespace Serverless.Core.Publishing;

/// <summary>What publishing came to.</summary>
public abstract record PublishResult
{
    private PublishResult() { }

    /// <param name="IsNew">False: a version had this content already, and nothing was written.</param>
    public sealed record Published(DatasetVersionInfo Version, bool IsNew) : PublishResult;

    /// <summary>Send these contents, then publish again.</summary>
    public sealed record Missing(IReadOnlyList<string> Contents) : PublishResult;

    /// <summary>The folder changed while it was read; nothing was published. The message says which file.</summary>
    public sealed record Changed(string Message) : PublishResult;

    /// <summary>Nothing was published; the message says what to change.</summary>
    public sealed record Refused(string Message) : PublishResult;
}
