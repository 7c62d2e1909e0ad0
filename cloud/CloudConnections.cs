using Azure.Identity;
using Azure.Storage.Blobs;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;

namespace Serverless.Cloud;

/// <summary>
/// Where the platform is in Azure, as its settings say it. Everything is opened with the
/// identity of whoever runs this (AZURE_CLIENT_ID picks one of several).
/// </summary>
public static class CloudConnections
{
    /// <summary>The storage account, <c>https://NAME.blob.core.windows.net</c>.</summary>
    public const string BlobEndpoint = "EXP_BLOB_ENDPOINT";

    /// <summary>
    /// A connection string in its place, with its key: for emulators, where there are no identities. Accounts of the platform accept no keys.
    /// </summary>
    public const string BlobConnection = "EXP_BLOB_CONNECTION";

    /// <summary>The Service Bus namespace, <c>NAME.servicebus.windows.net</c>; or a connection string, with its key, for emulators.</summary>
    public const string ServiceBus = "EXP_SERVICEBUS";

    /// <param name="account">An address or a connection string.</param>
    /// <exception cref="FormatException">It is neither.</exception>
    public static IWorkspaces Workspaces(string account) =>
        Uri.TryCreate(account, UriKind.Absolute, out var address) && address.Scheme is "https" or "http"
            ? BlobWorkspaces.At(address!, new DefaultAzureCredential())
            : new BlobWorkspaces(new BlobServiceClient(account, BlobClients.Options()));

    /// <exception cref="NotSupportedException">This is not the cloud build.</exception>
    public static IMessageBus Bus(string serviceBus) =>
#if CLOUD
        serviceBus.StartsWith("Endpoint=", StringComparison.OrdinalIgnoreCase)
            ? new ServiceBusMessageBus(serviceBus)
            : new ServiceBusMessageBus(serviceBus, new DefaultAzureCredential());
#else
        throw new NotSupportedException($"{serviceBus.Split(';')[0]} cannot be reached: this build has no Service Bus; build with -p:Cloud=true");
#endif
}
