using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>What a webhook's requests look like.</summary>
[JsonConverter(typeof(EnumNamesConverter<WebhookFormat>))]
public enum WebhookFormat
{
    /// <summary>A <see cref="Notice"/>.</summary>
    Json,

    /// <summary>A message for a Slack channel; Mattermost and Rocket.Chat understand it too.</summary>
    Slack,

    /// <summary>A message for a Discord channel.</summary>
    Discord,

    /// <summary>An adaptive card for a Teams channel, by a workflow "when a webhook request is received".</summary>
    Teams,
}

/// <summary>Body of <c>PUT /api/webhooks/{name}</c>: where to send what.</summary>
/// <param name="Url">Absolute, https; http only where the platform may call private addresses.</param>
/// <param name="Events">Names of <see cref="WebhookEvents"/>, or patterns of them (<c>run.*</c>); null: all.</param>
/// <param name="Project">Only about this project's runs and triggers; null: all.</param>
/// <param name="Experiment">Only about this experiment's; null: all.</param>
/// <param name="Format">Null: by the address, <see cref="WebhookFormat.Json"/> where it is no chat tool's.</param>
public sealed record WebhookSpec(
    string? Url, IReadOnlyList<string>? Events = null, string? Project = null, string? Experiment = null, WebhookFormat? Format = null);

/// <summary>The names of what webhooks tell about.</summary>
public static class WebhookEvents
{
    public const string RunSucceeded = "run.succeeded";
    public const string RunFailed = "run.failed";
    public const string RunCancelled = "run.cancelled";
    public const string DatasetPublished = "dataset.published";
    public const string TriggerSubmitted = "trigger.submitted";
    public const string TriggerStopped = "trigger.stopped";
    public const string TriggerFailed = "trigger.failed";

    /// <summary>Sent on request only.</summary>
    public const string Test = "webhook.test";

    public static IReadOnlyList<string> All { get; } =
    [
        RunSucceeded, RunFailed, RunCancelled, DatasetPublished, TriggerSubmitted, TriggerStopped, TriggerFailed,
    ];
}
