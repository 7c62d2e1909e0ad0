using System.Text.Json.Nodes;

namespace Serverless.Functions.OpenApi;

/// <summary>What stands for what in the paths of the API.</summary>
static class PathParameters
{
    private const string RunPattern = "^[0-9A-HJKMNP-TV-Z]{26}$", HashPattern = "^[0-9a-f]{64}$";
    private const string SomeRun = "7YBQJMYK5P76VAPDEANEAFSWXP";
    private const string SomeHash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    /// <param name="route">As the host has it.</param>
    /// <param name="isWhole">It is the rest of the path, with its slashes.</param>
    public static JsonObject Describe(string route, string name, bool isWhole)
    {
        var (description, schema) = Of(route.Split('/')[0], name);
        return new()
        {
            ["name"] = name,
            ["in"] = "path",
            ["required"] = true,
            ["description"] = isWhole ? $"{description}; a path, with its slashes as they are" : description,
            ["schema"] = schema,
        };
    }

    private static (string Description, JsonObject Schema) Of(string kind, string name) => (kind, name) switch
    {
        ("runs", "id") => ("the run's id", Text(SomeRun, RunPattern)),
        ("runs", "path") => ("the artifact, as the code named it below artifacts/", Text("plots/loss.png")),
        ("runs", "step") => ("the checkpoint's step, or 'last'", Text("last", "^(last|[0-9]+)$")),
        ("runs", "file") => ("the file, as the checkpoint names it", Text("model.safetensors")),
        ("code" or "datasets", "sha256") => ("SHA-256 of the content", Text(SomeHash, HashPattern)),
        ("datasets", "name") => ("the dataset's name", Text("digits")),
        ("datasets", "version") => ("its number, latest, or the beginning of its hash", Text("3")),
        ("datasets", "path") => ("the file, as the version names it", Text("train/images.bin")),
        ("files", "path") => ("the file, below data/", Text("data/digits/train.csv")),
        ("keys", "id") => ("the key's id, as lists show it", Text("k7f3a9c2")),
        ("lineage", "id") => ("a run's id, name:version of a dataset, or the path of a file or folder below data/", Text("digits:3")),
        ("projects", "project") => ("the project's name", Text("pruning")),
        ("projects", "experiment") => ("the experiment's name", Text("prune-mlp")),
        ("reports", "id") => ("the report's id", Text(SomeRun)),
        ("reports", "file") => ("a file of the report", Text("report.md")),
        ("triggers", "name") => ("the trigger's name", Text("on-new-data")),
        ("triggers", "id") => ("the firing's id", Text(SomeRun)),
        ("webhooks", "name") => ("the webhook's name", Text("team-chat")),
        ("webhooks", "id") => ("the delivery's id", Text("msg_0f3c5a7e9b1d2c4f60718293a4b5c6d7")),
        ("dead-letters", "queue") => ("the queue's name, as lists show it", Text("run-events")),
        ("dead-letters", "id") => ("the message's id", Text("1042")),
        ("notebooks" or "sweeps", "id") => ("its id", Text(SomeRun)),
        _ => throw new InvalidOperationException($"{kind}/{{{name}}} has no description"),
    };

    private static JsonObject Text(string example, string? pattern = null)
    {
        var schema = new JsonObject { ["type"] = "string" };
        if (pattern is not null) schema["pattern"] = pattern;
        schema["examples"] = new JsonArray(example);
        return schema;
    }
}
