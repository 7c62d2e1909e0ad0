using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;
using Serverless.Core.Storage;

namespace Serverless.Cloud;

/// <summary>Turns the service's errors into what the port promises.</summary>
internal static class BlobFaults
{
    /// <summary>The write's own condition did not hold. A lease of somebody's or a container on its way out are other 409s.</summary>
    public static bool IsConditionNotMet(RequestFailedException e) =>
        e.Status == 412
            || (e.Status == 409 && (e.ErrorCode == BlobErrorCode.BlobAlreadyExists || e.ErrorCode == BlobErrorCode.TargetConditionNotMet));

    /// <summary>The port's exception for it, or null when it passes through as it is.</summary>
    public static IOException? Of(Exception e, string container, CancellationToken cancel) => e switch
    {
        RequestFailedException { Status: 507 } full => new StoreFullException($"the storage account of {container} has no room left", full),
        RequestFailedException { Status: 401 or 403 } denied => new StoreUnavailableException(
            $"no permission for container {container} ({denied.ErrorCode}): give this identity the role Storage Blob Data Contributor", denied),
        RequestFailedException { Status: 0 or 404 or 408 or 429 or >= 500 } or RequestFailedException { ErrorCode: "ContainerBeingDeleted" } =>
            new StoreUnavailableException($"container {container} cannot be used: {FirstLine(e)}", e),
        AuthenticationFailedException => new StoreUnavailableException($"container {container} cannot be used: {FirstLine(e)}", e),
        AggregateException => new StoreUnavailableException($"container {container} does not answer: {FirstLine(e)}", e),
        OperationCanceledException when !cancel.IsCancellationRequested =>
            new StoreUnavailableException($"container {container} does not answer in time", e),
        _ => null,
    };

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].TrimEnd();
}
