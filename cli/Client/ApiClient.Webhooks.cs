using Serverless.Core.Notifications;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    public Task<WebhookList> GetWebhooks(CancellationToken cancel) => Get<WebhookList>("api/webhooks", cancel);

    public Task<WebhookInfo> GetWebhook(string name, CancellationToken cancel) => Get<WebhookInfo>(Webhook(name), cancel);

    /// <returns>With the secret, when the webhook is new.</returns>
    public Task<WebhookInfo> PutWebhook(string name, WebhookSpec spec, CancellationToken cancel) => Send<WebhookInfo>(HttpMethod.Put, Webhook(name), Json(spec), cancel);

    public async Task RemoveWebhook(string name, CancellationToken cancel) => (await Send(HttpMethod.Delete, Webhook(name), null, cancel)).Dispose();

    public Task<WebhookInfo> PauseWebhook(string name, CancellationToken cancel) => Send<WebhookInfo>(HttpMethod.Post, $"{Webhook(name)}/pause", null, cancel);

    public Task<WebhookInfo> ResumeWebhook(string name, CancellationToken cancel) => Send<WebhookInfo>(HttpMethod.Post, $"{Webhook(name)}/resume", null, cancel);

    public Task<WebhookTest> TestWebhook(string name, CancellationToken cancel) => Send<WebhookTest>(HttpMethod.Post, $"{Webhook(name)}/test", null, cancel);

    public Task<UndeliveredList> GetUndelivered(string name, CancellationToken cancel) => Get<UndeliveredList>($"{Webhook(name)}/undelivered", cancel);

    public async Task Redeliver(string name, string id, CancellationToken cancel) =>
        (await Send(HttpMethod.Post, $"{Webhook(name)}/undelivered/{Escaped(id)}/redeliver", null, cancel)).Dispose();

    private static string Webhook(string name) => $"api/webhooks/{Escaped(name)}";
}
