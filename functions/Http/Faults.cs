using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using ProblemDetails = Serverless.Client.ProblemDetails;

namespace Serverless.Functions.Http;

/// <summary>The request cannot be answered as it is; the message says what to change.</summary>
public sealed class RequestException(int status, string message) : Exception(message)
{
    public int Status { get; } = status;
}

/// <summary>Exceptions → problem details.</summary>
static class Faults
{
    private const int RetryAfterSeconds = 2;

    public static ProblemAnswer Translate(Exception fault, HttpContext context, ILogger log)
    {
        // A store that fails while it reads the request's body wraps what the body threw.
        for (var cause = fault; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case RequestException refused:
                    return Answer.Problem(refused.Status, refused.Message);
                case BadHttpRequestException bad:
                    return Answer.Problem(bad.StatusCode, bad.Message);
                case OperationCanceledException or Microsoft.AspNetCore.Connections.ConnectionAbortedException
                    when context.RequestAborted.IsCancellationRequested:
                    return Answer.Problem(StatusCodes.Status499ClientClosedRequest, "the client went away");
            }
        }

        switch (fault)
        {
            case UnreadableObjectException unreadable:
                return new(new ProblemDetails("Damaged data", StatusCodes.Status409Conflict, $"{unreadable.Message}; what else is: exp doctor"));
            case StoreUnavailableException or BusUnavailableException or DirectoryUnavailableException:
                return new(
                    // What is wrong with the bus may be there for long, and its message says what to do.
                    new ProblemDetails(
                        Answer.TitleOf(StatusCodes.Status503ServiceUnavailable), StatusCodes.Status503ServiceUnavailable,
                        fault is BusUnavailableException ? fault.Message : $"{fault.Message}; try again"),
                    headers => headers.RetryAfter = $"{RetryAfterSeconds}");
            case StoreFullException:
                return Answer.Problem(StatusCodes.Status507InsufficientStorage, $"{fault.Message}; free some and try again");
            case ObjectKeyException or UnfitRecordException:
                return Answer.Problem(StatusCodes.Status400BadRequest, fault.Message);
            case KeyConflictException conflict:
                return conflict.Obstacle.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal)
                    ? Answer.Problem(StatusCodes.Status409Conflict, $"{fault.Message}; choose another name")
                    : new(new ProblemDetails(
                        "Damaged data", StatusCodes.Status409Conflict,
                        $"{fault.Message}: move it away, out of the workspace's folder; what else is damaged: exp doctor"));
            case DamagedRecordException damaged:
                return new(new ProblemDetails("Damaged record", StatusCodes.Status409Conflict, $"{damaged.Message}; what can be done: exp doctor"));
            case InvalidDataException or ContentMismatchException:
                return new(new ProblemDetails(
                    "Damaged data", StatusCodes.Status409Conflict, $"stored data is damaged: {fault.Message}; what else is: exp doctor"));
            default:
                log.RequestFailed(fault, context.Request.Method, context.Request.Path);
                return Answer.Problem(StatusCodes.Status500InternalServerError, $"{context.TraceIdentifier}: the platform failed; its log says why");
        }
    }
}
