using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Serverless.Core.Runs.Settled;

/// <summary>
/// Keeps what is the same in many summaries once: names, texts, parameters. A hundred thousand runs fit in memory that way (some 0.7 KiB each).
/// </summary>
internal sealed class SharedTexts
{
    /// <summary>Of each kind; further ones are not shared.</summary>
    private const int Most = 100_000;

    private readonly ConcurrentDictionary<string, string> texts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string[]> names = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, JsonElement> values = new(StringComparer.Ordinal);

    public RunSummary In(RunSummary run) => run with
    {
        Project = Text(run.Project)!,
        Experiment = Text(run.Experiment)!,
        Machine = Text(run.Machine)!,
        By = Text(run.By),
        Tags = run.Tags.Count == 0 ? [] : [.. run.Tags.Select(tag => Text(tag)!)],
        Metrics = Named(run.Metrics, value => value),
        Params = Named(run.Params, Value),
    };

    private NamedValues<T> Named<T>(IReadOnlyDictionary<string, T> all, Func<T, T> share)
    {
        var own = all.Keys.ToArray();
        var shared = Shared(names, string.Join('\n', own), own);
        return new(shared, [.. all.Values.Select(share)]);
    }

    private string? Text(string? text) => text is null ? null : Shared(texts, text, text);

    private JsonElement Value(JsonElement value) => Shared(values, JsonMarshal.GetRawUtf8Value(value) is var raw
        ? System.Text.Encoding.UTF8.GetString(raw) : "", value);

    private static T Shared<T>(ConcurrentDictionary<string, T> all, string key, T own) =>
        all.TryGetValue(key, out var shared) ? shared : all.Count < Most ? all.GetOrAdd(key, own) : own;
}
