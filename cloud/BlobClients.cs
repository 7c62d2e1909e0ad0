using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;

namespace Serverless.Cloud;

/// <summary>How blobs are talked to.</summary>
public static class BlobClients
{
    /// <summary>
    /// Retries of timeouts, lost connections, 408, 429 and 5xx: up to 5, 0.2 s after the first failure and twice as long after each next (at most 5
    /// s), each try given 30 s. Then the store is unavailable.
    /// </summary>
    public static BlobClientOptions Options()
    {
        var options = new BlobClientOptions
        {
            Retry =
            {
                Mode = RetryMode.Exponential,
                MaxRetries = 5,
                Delay = TimeSpan.FromMilliseconds(200),
                MaxDelay = TimeSpan.FromSeconds(5),
                NetworkTimeout = TimeSpan.FromSeconds(30),
            },
        };
        options.AddPolicy(new CountSends(), HttpPipelinePosition.PerRetry);
        return options;
    }

    private sealed class CountSends : HttpPipelineSynchronousPolicy
    {
        public override void OnSendingRequest(HttpMessage message)
        {
            if (!message.TryGetProperty(SendCounter.Name, out var tries)) return;
            ((SendCounter)tries!).Note(repeated: message.TryGetProperty(SendCounter.Sent, out _));
            message.SetProperty(SendCounter.Sent, true);
        }
    }
}

/// <summary>
/// Notes whether a request of one conditional write is sent more than once. A conflict that answers the only sending is a conflict; one that answers
/// a repetition may be with the first sending itself, whose answer was lost.
/// </summary>
internal sealed class SendCounter : IDisposable
{
    internal const string Name = "Serverless.Tries";
    internal const string Sent = "Serverless.Sent";
    private readonly IDisposable scope;
    private bool counting;
    private bool repeated;

    public SendCounter() => scope = HttpPipeline.CreateHttpMessagePropertiesScope(new Dictionary<string, object?> { [Name] = this });

    /// <summary>True also for a client that was not made with <see cref="BlobClients.Options"/>, of which nothing is known.</summary>
    public bool MayHaveRepeated => repeated || !counting;

    internal void Note(bool repeated)
    {
        counting = true;
        this.repeated |= repeated;
    }

    public void Dispose() => scope.Dispose();
}
