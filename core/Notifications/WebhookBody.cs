using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.Core.Notifications;

/// <summary>A notice as each format has it. Pure.</summary>
static class WebhookBody
{
    // Discord refuses more than 2,000 characters, and nobody reads more in a chat.
    private const int MaxText = 1800, MaxFacts = 8;

    public static byte[] Of(Notice notice, WebhookFormat format) => format switch
    {
        WebhookFormat.Slack => Utf8(new JsonObject { ["text"] = Escaped(Cut($"*{notice.Text}*{Lines(notice)}")) }),
        WebhookFormat.Discord => Utf8(new JsonObject
        {
            ["content"] = Cut($"**{notice.Text}**{Lines(notice)}"),

            // A metric named @everyone calls nobody.
            ["allowed_mentions"] = new JsonObject { ["parse"] = new JsonArray() },
        }),
        WebhookFormat.Teams => Utf8(Card(notice)),
        _ => JsonSerializer.SerializeToUtf8Bytes(notice, CoreJson.Options),
    };

    private static JsonObject Card(Notice notice) => new()
    {
        ["type"] = "message",
        ["attachments"] = new JsonArray(new JsonObject
        {
            ["contentType"] = "application/vnd.microsoft.card.adaptive",
            ["content"] = new JsonObject
            {
                ["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json",
                ["type"] = "AdaptiveCard",
                ["version"] = "1.4",
                ["body"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "TextBlock",
                        ["text"] = Cut(notice.Text),
                        ["weight"] = "Bolder",
                        ["wrap"] = true,
                        ["color"] = Color(notice),
                    },
                    new JsonObject
                    {
                        ["type"] = "FactSet",
                        ["facts"] = new JsonArray(
                            [.. Facts(notice).Select(fact => new JsonObject { ["title"] = fact.Name, ["value"] = Cut(fact.Value) })]),
                    }),
            },
        }),
    };

    private static string Color(Notice notice) => notice.Type switch
    {
        WebhookEvents.RunSucceeded => "Good",
        WebhookEvents.RunFailed or WebhookEvents.TriggerFailed => "Attention",
        WebhookEvents.TriggerStopped or WebhookEvents.RunCancelled => "Warning",
        _ => "Default",
    };

    private static string Lines(Notice notice)
    {
        var lines = new StringBuilder();
        foreach (var (name, value) in Facts(notice)) lines.Append(CultureInfo.InvariantCulture, $"\n{name}: {value}");
        return lines.ToString();
    }

    private static IEnumerable<(string Name, string Value)> Facts(Notice notice)
    {
        if (notice.Run is { } run)
        {
            if (run.Message is { Length: > 0 } message && run.State != RunState.Succeeded) yield return ("message", message);
            foreach (var check in run.Checks.Where(check => !check.Passed).Take(MaxFacts))
            {
                yield return ($"check failed: {check.Metric}", $"{Number(check.Value)}, wanted {check.Range}");
            }

            foreach (var (name, value) in run.Metrics.Take(MaxFacts)) yield return (name, Number(value));
            if (Math.Max(0, run.Metrics.Count - MaxFacts) + run.MetricsLeftOut is > 0 and var more)
            {
                yield return ("metrics not shown", more.ToString(CultureInfo.InvariantCulture));
            }

            if (run.Params.Count > 0)
            {
                yield return ("params", string.Join(", ", run.Params.Take(MaxFacts).Select(param => $"{param.Key}={param.Value}")));
            }

            if (run.Seconds is { } seconds)
            {
                yield return ("took", TimeSpan.FromSeconds(Math.Round(seconds)).ToString("c", CultureInfo.InvariantCulture));
            }

            yield return ("run", run.Id);
        }

        if (notice.Dataset is { } dataset) yield return ("content", dataset.Sha256[..Math.Min(12, dataset.Sha256.Length)]);
        if (notice.Trigger is { Runs.Count: > 0 } trigger) yield return (trigger.Runs.Count == 1 ? "run" : "runs", string.Join(", ", trigger.Runs));
    }

    private static string Number(double? value) => value?.ToString("G6", CultureInfo.InvariantCulture) ?? "no value";

    // How Slack writes links and calls people begins with one of these.
    private static string Escaped(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal);

    private static string Cut(string text) => Excerpt.Of(text, MaxText);

    private static byte[] Utf8(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString());
}
