using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Serverless.Tests.Functions;

/// <summary>The API's own description, as a client reads it, and whether an answer is one of those that it announces.</summary>
sealed partial class ApiDescription(JsonElement document)
{
    private const string JsonLines = "application/x-ndjson", Any = "*/*";

    private readonly JsonSchemaCheck schemas = new(document);

    /// <summary>
    /// The longest first, of these the one with the fewest parameters; the last part as a whole path where it is one, and nothing else fits.
    /// </summary>
    private readonly IReadOnlyList<(Regex Path, JsonElement Item)> paths =
    [
        .. from last in (string[])["[^/]+", ".+"]
           from path in document.GetProperty("paths").EnumerateObject().OrderByDescending(path => path.Name.Count(c => c == '/'))
               .ThenBy(path => path.Name.Count(c => c == '{'))
           where last == "[^/]+" || path.Value.GetRawText().Contains("with its slashes", StringComparison.Ordinal)
           select (PathOf(path.Name, last), path.Value),
    ];

    public IEnumerable<(string Path, string Method, JsonElement Operation)> Operations =>
        from path in document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select (path.Name, operation.Name.ToUpperInvariant(), operation.Value);

    /// <summary>Null: nothing is described at this address.</summary>
    public JsonElement? Find(HttpMethod method, string path) => paths.Where(one => one.Path.IsMatch(path))
        .Select(one => one.Item.TryGetProperty(method.Method.ToLowerInvariant(), out var operation) ? operation : (JsonElement?)null)
        .FirstOrDefault(found => found is not null);

    /// <summary>What is wrong with an answer; empty: it is one that was announced.</summary>
    /// <param name="body">Null: it is not looked at.</param>
    public IEnumerable<string> Problems(JsonElement operation, HttpMethod method, HttpStatusCode status, string? contentType, string? body)
    {
        if (!operation.GetProperty("responses").TryGetProperty(((int)status).ToString(CultureInfo.InvariantCulture), out var announced))
        {
            return ["the status is not announced"];
        }

        if (method == HttpMethod.Head) return [];
        if (!announced.TryGetProperty("content", out var contents))
        {
            return contentType is null && body is null or "" ? [] : [$"no body is announced, and it has one: {contentType}"];
        }

        var content = contents.EnumerateObject().OrderBy(content => content.Name == Any)
            .FirstOrDefault(content => content.Name.Split(';')[0] == contentType || content.Name == Any).Value;
        if (content.ValueKind == JsonValueKind.Undefined) return [$"the content type {contentType ?? "(none)"} is not announced"];
        if (body is null || !content.TryGetProperty("schema", out var schema)) return [];
        string[] values = contentType == JsonLines ? body.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [body];
        return values.SelectMany(value => schemas.Problems(JsonElement.Parse(value), schema));
    }

    private static Regex PathOf(string template, string last)
    {
        var pieces = Parameter().Split(template).Select(Regex.Escape).ToList();
        var head = string.Join("[^/]+", pieces.SkipLast(1));
        return new($"^{(pieces.Count == 1 ? "" : $"{head}{(pieces[^1].Length == 0 ? last : "[^/]+")}")}{pieces[^1]}$");
    }

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Parameter();
}
