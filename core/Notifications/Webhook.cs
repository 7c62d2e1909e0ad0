using System.Text.Json.Serialization;
using Serverless.Core.Spec;
using Serverless.Core.Storage;

namespace Serverless.Core.Notifications;

/// <summary>A webhook as it is stored, outside every workspace: its address and its secret are nobody else's to read.</summary>
/// <param name="Secret"><c>whsec_</c> and 32 random bytes in base64; signs every request.</param>
/// <param name="Paused">Why nothing is sent; null: it is.</param>
public sealed record Webhook(
    string Name, string Url, IReadOnlyList<string> Events, string? Project, string? Experiment, WebhookFormat Format, string Secret, string By,
    DateTimeOffset Created, string? Paused = null)
{
    [JsonIgnore]
    public bool IsOn => Paused is null;

    public bool Wants(Notice notice) =>
        IsOn && Events.Any(pattern => NamePattern.Matches(pattern, notice.Type))
        && (Project is null || notice.Project == Project) && (Experiment is null || notice.Experiment == Experiment);
}

sealed class WebhookRule : IRecordRule<Webhook>
{
    public string? Problem(Webhook webhook, string key) =>
        !key.EndsWith($"/{webhook.Name}.json", StringComparison.Ordinal) ? $"it is of webhook {webhook.Name}"
        : WebhookRules.AddressProblem(webhook.Url) is { } problem ? $"its url: {problem}"
        : null;
}

/// <summary>What a webhook may say. Pure.</summary>
public static class WebhookRules
{
    /// <summary>Stand for what people are to fill in; in an address they would be escaped.</summary>
    private const string Placeholders = "…<>";

    private const int MaxUrl = 2000, MaxEvents = 50, MaxFilter = 100;

    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    /// <param name="allowPrivate">Whether the platform may call its own machine and private networks.</param>
    public static IReadOnlyList<Problem> Problems(string name, WebhookSpec spec, bool allowPrivate)
    {
        var problems = new ProblemList();
        if (NameProblem(name) is { } named) problems.Add(new("name", named));
        if (UrlProblem(spec.Url, allowPrivate) is { } url) problems.Add(new("url", url));
        foreach (var (field, filter) in (ReadOnlySpan<(string, string?)>)[("project", spec.Project), ("experiment", spec.Experiment)])
        {
            if (filter is not null && SpecRules.NameProblem(filter) is { } unfit) problems.Add(new(field, unfit));
        }

        if (spec.Events is { Count: > MaxEvents }) problems.Add(new("events", $"{spec.Events.Count} patterns, at most {MaxEvents}"));
        if (spec.Events is { Count: 0 })
        {
            problems.Add(new("events", $"name at least one, or leave it out for all: {string.Join(", ", WebhookEvents.All)}"));
        }

        for (var i = 0; i < spec.Events?.Count && i < MaxEvents; i++)
        {
            var pattern = spec.Events[i];
            if (pattern is not { Length: <= MaxFilter } || !WebhookEvents.All.Any(known => NamePattern.Matches(pattern, known)))
            {
                problems.Add(
                    new($"events[{i}]",
                        $"no event is named '{pattern}'{Suggestion.Clause(pattern ?? "", WebhookEvents.All)}; known: " +
                        $"{string.Join(", ", WebhookEvents.All)}"));
            }
        }

        return problems;
    }

    public static string? NameProblem(string name) =>
        name.Length is 0 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || name[0] == '.'
            ? $"'{name}' is not a webhook's name: 1 to 64 letters, digits, '-', '_' and '.', not beginning with '.'"
            : null;

    /// <summary>The format that an address asks for.</summary>
    public static WebhookFormat FormatOf(Uri url) => url.Host switch
    {
        "hooks.slack.com" => WebhookFormat.Slack,
        "discord.com" or "discordapp.com" => WebhookFormat.Discord,
        var host when host.EndsWith(".webhook.office.com", StringComparison.OrdinalIgnoreCase)
            || host.EndsWith(".logic.azure.com", StringComparison.OrdinalIgnoreCase)
            || host.EndsWith(".api.powerplatform.com", StringComparison.OrdinalIgnoreCase) => WebhookFormat.Teams,
        _ => WebhookFormat.Json,
    };

    /// <summary>What an address of any webhook must be, wherever it may be sent from.</summary>
    internal static string? AddressProblem(string url)
    {
        if (url.Length > MaxUrl) return $"longer than {MaxUrl} characters";
        if (url.Any(char.IsControl)) return "has control characters; write them as %0A and the like";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("https" or "http"))
        {
            return "not an absolute address; write https://host/path";
        }

        return parsed.UserInfo.Length > 0 ? "has a user name in it, which would be in every log; put a token into the path or the query" : null;
    }

    private static string? UrlProblem(string? url, bool allowPrivate)
    {
        if (url is not { Length: > 0 }) return "expected the address to send to, https://…";
        if (AddressProblem(url) is { } problem) return problem;
        if (url.AsSpan().IndexOfAny(Placeholders) >= 0) return "is an example's, with a part left out; write the whole address";
        return new Uri(url).Scheme == Uri.UriSchemeHttp && !allowPrivate ? "must be https: what is sent is the team's own" : null;
    }
}
