using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Cli.Client;
using Serverless.Cli.Transfer;
using Serverless.Core.Spec;
using Serverless.Core.Triggers;

namespace Serverless.Cli.Submit;

/// <summary>A trigger as it is in a file on this machine.</summary>
static class TriggerSource
{
    /// <summary>Reads it, and turns the path of its experiment's code, relative to the file, into a snapshot.</summary>
    /// <exception cref="ExpException">It is not valid; every problem is a line.</exception>
    public static async Task<TriggerDefinition> Load(ServerlessClient api, string file, CancellationToken cancel)
    {
        LocalFiles.MustBeFile(file);
        var format = Path.GetExtension(file).Equals(".json", StringComparison.OrdinalIgnoreCase) ? SpecFormat.Json : SpecFormat.Yaml;
        var reading = TriggerReader.Read(await File.ReadAllTextAsync(file, cancel), format);
        if (reading.Definition is not { } definition) throw ExperimentSource.Invalid(file, reading.Problems);
        return await WithSnapshot(api, definition, Path.GetDirectoryName(Path.GetFullPath(file))!, cancel);
    }

    /// <param name="folder">What the code's path is relative to.</param>
    public static async Task<TriggerDefinition> WithSnapshot(
        ServerlessClient api, TriggerDefinition definition, string folder, CancellationToken cancel)
    {
        var code = definition.Then.TryGetProperty("code", out var given) ? given : default;
        if (code.ValueKind == JsonValueKind.Object && code.TryGetProperty("snapshot", out _)) return definition;
        var path = Path.GetFullPath(Path.Combine(folder, Text(code, "path") ?? "."));
        if (!Path.Exists(path)) throw ExpException.NotFound($"then.code.path: there is no file or folder {path}");
        List<string>? include = code.ValueKind == JsonValueKind.Object && code.TryGetProperty("include", out var patterns)
            ? [.. patterns.EnumerateArray().Select(pattern => pattern.GetString()!)]
            : null;
        var uploaded = await Submitting.Upload(api, path, new(null, path, include, Text(code, "commit")), cancel);
        var then = JsonNode.Parse(definition.Then.GetRawText())!.AsObject();
        then["code"] = uploaded.Commit is { } commit
            ? new JsonObject { ["snapshot"] = uploaded.Snapshot, ["commit"] = commit }
            : new JsonObject { ["snapshot"] = uploaded.Snapshot };
        return definition with { Then = JsonElement.Parse(then.ToJsonString()) };
    }

    private static string? Text(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var value) ? value.GetString() : null;
}
