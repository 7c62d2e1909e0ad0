namespace Serverless.Tests.Structure;

/// <summary>
/// The order in which the house stands: each room of <c>core/</c> uses only rooms before it, each assembly only those that are named for it.
/// </summary>
static class Rooms
{
    public const string Root = "";

    /// <summary>Folders of <c>core/</c>, as the README's map shows them. A new room goes behind the last one that it needs.</summary>
    public static IReadOnlyList<string> Order { get; } =
    [
        Root, "Contract", "Telemetry", "Storage", "Messaging", "Workspaces", "Access", "Runs", "Workers", "Spec", "Code", "Datasets", "Versions",
        "Lineage",
        "Search", "Outputs", "Publishing", "Submit", "Streams", "Metrics", "Logs", "Reports", "Events", "Triggers", "Notifications", "Deletion", "Doctor", "Platform",
    ];

    /// <summary>Assembly → the other assemblies of this repository that it may use.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Assemblies { get; } = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal)
    {
        ["Serverless.Client"] = [],
        ["Serverless.Core"] = ["Serverless.Client"],
        ["Serverless.Cloud"] = ["Serverless.Client", "Serverless.Core"],
        ["Serverless.Sdk"] = [],
        ["Serverless.Functions"] = ["Serverless.Client", "Serverless.Core", "Serverless.Cloud"],
        ["Serverless.GpuWorker"] = ["Serverless.Client", "Serverless.Core", "Serverless.Cloud", "Serverless.Sdk"],
        ["exp"] = ["Serverless.Client", "Serverless.Core", "Serverless.Functions"],
    };

    /// <summary>Packages that must not be reachable by their types: assembly → beginnings of names.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Foreign { get; } = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal)
    {
        ["Serverless.Client"] = ["Azure.", "TorchSharp", "Microsoft.", "SQLitePCL", "YamlDotNet", "Cronos"],
        ["Serverless.Core"] = ["Azure.", "TorchSharp", "Microsoft.ML", "Microsoft.AspNetCore"],
        ["Serverless.Cloud"] = ["TorchSharp", "Microsoft.ML", "Microsoft.AspNetCore"],
        ["Serverless.Sdk"] = ["Azure.", "Microsoft.AspNetCore", "Microsoft.Data.Sqlite"],
        ["exp"] = ["Azure.Storage", "Azure.Messaging", "TorchSharp", "Microsoft.ML"],
    };
}
