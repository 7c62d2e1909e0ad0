using Serverless.Core.Lineage;

namespace Serverless.Core.Deletion;

/// <summary>What asking for a deletion came to.</summary>
public abstract record DeletionResult
{
    private DeletionResult() { }

    public sealed record Deleted : DeletionResult;

    public sealed record Missing : DeletionResult;

    /// <summary>The run goes on: cancel it first.</summary>
    public sealed record NotEnded : DeletionResult;

    /// <summary>Others came from it, and it was not forced; nothing was deleted.</summary>
    public sealed record Needed(Dependents By) : DeletionResult;
}
