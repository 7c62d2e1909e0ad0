using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Serverless.Core.Deletion;
using Serverless.Core.Lineage;
using Serverless.Functions.Http;

namespace Serverless.Functions.Api;

/// <summary>What everything that deletes has in common.</summary>
static class Deletions
{
    public static IActionResult Answered(DeletionResult result, string what) => result switch
    {
        DeletionResult.Deleted => Answer.NoContent,
        DeletionResult.Missing => Answer.NotFound($"there is no {what}"),
        DeletionResult.NotEnded => Answer.Problem(StatusCodes.Status409Conflict, $"{what} has not ended; cancel it first"),
        DeletionResult.Needed { By: var dependents } => Needed(dependents, what),
        _ => throw new InvalidOperationException($"unknown result {result}"),
    };

    public static ProblemAnswer Needed(Dependents by, string what) => Answer.Problem(StatusCodes.Status409Conflict, by.Refusal(what));
}
