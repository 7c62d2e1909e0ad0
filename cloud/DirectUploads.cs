using Azure;
using Azure.Storage;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Serverless.Core.Storage;

namespace Serverless.Cloud;

/// <summary>Sends a file to a <see cref="DirectLink"/>: in blocks that are repeated one by one when the connection breaks, and that become a file all at once.</summary>
public static class DirectUploads
{
    private const int BlockBytes = 16 * 1024 * 1024;

    /// <param name="content">Read from its position to its end, once.</param>
    /// <exception cref="StoreUnavailableException">It did not arrive; nothing changed.</exception>
    public static async Task Send(Uri link, Stream content, CancellationToken cancel = default)
    {
        var blob = new BlockBlobClient(link, BlobClients.Options());
        try
        {
            var options = new BlobUploadOptions
            {
                TransferOptions = new StorageTransferOptions { InitialTransferSize = BlockBytes, MaximumTransferSize = BlockBytes, MaximumConcurrency = 4 },
            };
            await blob.UploadAsync(content, options, cancel);
        }
        catch (RequestFailedException e) when (e.Status == 403)
        {
            throw new StoreUnavailableException("the store refused the link to write with: it has expired, or this machine's address is not allowed there", e);
        }
        catch (Exception e) when (BlobFaults.Of(e, blob.BlobContainerName, cancel) is { } fault)
        {
            throw fault;
        }
    }
}
