using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Versions;

/// <summary>
/// A part of the run key: what is hashed, and the same by names, for saying where two runs differ. What needs no looking up is in it when its field
/// says so (<see cref="FieldAttribute.InKey"/>).
/// </summary>
/// <param name="Name">As people know it.</param>
/// <param name="HashedAs">As it is called in what is hashed.</param>
/// <param name="Hashed">Null: there is nothing.</param>
/// <param name="Entries">Equal for two runs exactly when <paramref name="Hashed"/> is.</param>
internal sealed record KeyPart(string Name, string HashedAs, Func<RunSpec, JsonNode?> Hashed, Func<RunSpec, IEnumerable<KeyEntry>> Entries)
{
    public const string Code = "code";

    /// <summary>Characters of a hash that are shown.</summary>
    private const int HashShown = 12;

    public static IReadOnlyList<KeyPart> All { get; } =
    [
        One(Code, "tree", run => run.Code.Tree, Shown),
        One("command", "command", run => run.Command),
        .. Fields.Of(typeof(RunSettings)).Where(field => field.About.InKey).Select(Setting),
        One("image", "image", run => run.Image),
        new("seed", "seed", run => run.Seed, run => [Entry(null, run.Seed.ToString(CultureInfo.InvariantCulture))]),
        new("inputs", "inputs",
            run => Array(run.Inputs.OrderBy(input => input.Path, StringComparer.Ordinal).Select(input => ("path", input.Path, input.Sha256))),
            run => run.Inputs.Select(input => new KeyEntry(input.Path, input.Sha256, Shown(input.Sha256)))),

        // Absent where there are none, so that keys from before there were datasets are what they were.
        new("datasets", "datasets",
            run => run.Datasets.Count == 0 ? null : Array(run.Datasets.OrderBy(dataset => dataset.Name, StringComparer.Ordinal)
                .Select(dataset => ("name", dataset.Name, dataset.Sha256))),
            run => run.Datasets.Select(dataset => new KeyEntry(dataset.Name, dataset.Sha256, dataset.ToString()))),
        new("from", "from",
            run => run.From is { } from ? new JsonObject { ["run"] = from.Run, ["content"] = Content(from) } : null,
            run => run.From is { } from ? [new KeyEntry(null, $"{from.Run} {Content(from)}", Checkpoint(from))] : []),
    ];

    public static string Shown(string hash) => hash.Length > HashShown ? hash[..HashShown] : hash;

    private static KeyPart One(string name, string hashedAs, Func<RunSpec, string?> value, Func<string, string>? shown = null) =>
        new(name, hashedAs, run => value(run), run => value(run) is { } there ? [new KeyEntry(null, there, shown?.Invoke(there) ?? there)] : []);

    private static KeyPart Setting(Field field) => new(field.Name, field.Name, run => Fields.Hashed(field, run), run =>
        Fields.Hashed(field, run) switch
    {
        null => [],
        JsonObject map when Fields.Values(field.Type) == typeof(JsonElement) =>
            ParamPath.Flat(map.Deserialize<Dictionary<string, JsonElement>>(CoreJson.Options)!, quoted: true)
                .Select(param => Entry(param.Key, (CanonicalJson.Of(param.Value) ?? param.Value).GetRawText())),
        JsonObject map => map.Select(entry => Entry(entry.Key, Text(entry.Value!))),
        var one => [Entry(null, Text(one))],
    });

    private static KeyEntry Entry(string? name, string value) => new(name, value, value);

    private static string Text(JsonNode value) => value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();

    private static JsonArray Array(IEnumerable<(string Label, string Name, string Sha256)> all) =>
        [.. all.Select(one => new JsonObject { [one.Label] = one.Name, ["sha256"] = one.Sha256 })];

    private static string Content(FromRef from) => from.Content ?? from.Manifest;

    private static string Checkpoint(FromRef from) => string.Create(CultureInfo.InvariantCulture,
        $"{from.Run} at step {from.Step} ({Shown(from.Content ?? "content not known")})");
}

/// <param name="Name">A parameter, a variable, a file's path; null where there is only one.</param>
/// <param name="Value">Different exactly when the part differs.</param>
/// <param name="Shown">The value for people.</param>
internal readonly record struct KeyEntry(string? Name, string Value, string Shown);
