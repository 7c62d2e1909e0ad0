using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>All webhooks, by name.</summary>
    public Task<WebhookList> GetWebhooks(CancellationToken cancel = default) => Get<WebhookList>("api/webhooks", cancel);

    /// <summary>One webhook.</summary>
    public Task<WebhookInfo> GetWebhook(string name, CancellationToken cancel = default) => Get<WebhookInfo>(Webhook(name), cancel);

    /// <summary>Stores a webhook, in the place of one of its name.</summary>
    /// <returns>With the secret, when the webhook is new.</returns>
    public Task<WebhookInfo> PutWebhook(string name, WebhookSpec spec, CancellationToken cancel = default) =>
        Send<WebhookInfo>(Call.Put(Webhook(name), Call.Json(spec)), cancel);

    /// <summary>Removes a webhook.</summary>
    public Task RemoveWebhook(string name, CancellationToken cancel = default) => Do(Call.Delete(Webhook(name)), cancel);

    /// <summary>Nothing is sent any more.</summary>
    public Task<WebhookInfo> PauseWebhook(string name, CancellationToken cancel = default) =>
        Send<WebhookInfo>(Call.Post($"{Webhook(name)}/pause") with { IsRepeatable = true }, cancel);

    /// <summary>What happens from now on is sent again.</summary>
    public Task<WebhookInfo> ResumeWebhook(string name, CancellationToken cancel = default) =>
        Send<WebhookInfo>(Call.Post($"{Webhook(name)}/resume") with { IsRepeatable = true }, cancel);

    /// <summary>Sends a test notice.</summary>
    public Task<WebhookTest> TestWebhook(string name, CancellationToken cancel = default) =>
        Send<WebhookTest>(Call.Post($"{Webhook(name)}/test"), cancel);

    /// <summary>Notices that the receiver did not take.</summary>
    public Task<UndeliveredList> GetUndelivered(string name, CancellationToken cancel = default) =>
        Get<UndeliveredList>($"{Webhook(name)}/undelivered", cancel);

    /// <summary>Sends one of them again.</summary>
    public Task Redeliver(string name, string id, CancellationToken cancel = default) =>
        Do(Call.Post($"{Webhook(name)}/undelivered/{Escaped(id)}/redeliver"), cancel);

    private static string Webhook(string name) => $"api/webhooks/{Escaped(name)}";
}
