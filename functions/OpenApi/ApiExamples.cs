using System.Text.Json.Nodes;

namespace Serverless.Functions.OpenApi;

/// <summary>Requests and answers in a file of resources: shaped after recorded ones, and held against the schemas by the tests.</summary>
static class ApiExamples
{
    private const string File = "ApiExamples.json", OfProblems = "problems";

    private static readonly JsonObject All = Read();

    /// <summary>Null: there is none of this schema.</summary>
    public static JsonNode? Of(string schema) => All[schema]?.DeepClone();

    /// <summary>Errors by their statuses.</summary>
    public static JsonObject Problems => All[OfProblems]!.AsObject();

    private static JsonObject Read()
    {
        using var file = typeof(ApiExamples).Assembly.GetManifestResourceStream(File)
            ?? throw new InvalidOperationException($"{File} is missing among the resources");
        return JsonNode.Parse(file)!.AsObject();
    }
}
