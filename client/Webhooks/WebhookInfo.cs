namespace Serverless.Client;

/// <summary>A webhook as it is shown.</summary>
/// <param name="Url">Only admins see more than the host: whoever knows a chat tool's address may write there.</param>
/// <param name="Secret">Only in the answer that creates it.</param>
/// <param name="Paused">Why nothing is sent; null: it is.</param>
public sealed record WebhookInfo(
    string Name, string Url, IReadOnlyList<string> Events, string? Project, string? Experiment, WebhookFormat Format, string By,
    DateTimeOffset Created, string? Paused, string? Secret = null);

/// <summary><c>GET /api/webhooks</c>, by name.</summary>
public sealed record WebhookList(IReadOnlyList<WebhookInfo> Webhooks, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <summary><c>GET /api/webhooks/{name}/undelivered</c>, oldest first.</summary>
public sealed record UndeliveredList(IReadOnlyList<Undelivered> Notices, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <summary>Answer of <c>POST /api/webhooks/{name}/test</c>.</summary>
/// <param name="Status">What the receiver answered; null: it did not.</param>
/// <param name="Problem">Null: it took the notice.</param>
public sealed record WebhookTest(int? Status, double Milliseconds, string? Problem);
