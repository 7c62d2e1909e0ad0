using System.Net;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Azure.Functions.Worker;
using Microsoft.OpenApi;
using Serverless.Core.Storage;
using Serverless.Functions.Hosting;
using Serverless.Functions.OpenApi;

namespace Serverless.Tests.Functions;

public sealed partial class OpenApiTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Description_HasEveryRouteAndNoOther()
    {
        using var document = JsonDocument.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel));
        Assert.Equal("3.1.0", document.RootElement.GetProperty("openapi").GetString());
        var described = document.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name.ToUpperInvariant()} {path.Name}"));
        var served = typeof(EmbeddedHost).Assembly.GetTypes().SelectMany(type => type.GetMethods()).SelectMany(method => method.GetParameters())
            .Select(parameter => parameter.GetCustomAttribute<HttpTriggerAttribute>()).OfType<HttpTriggerAttribute>()
            .SelectMany(trigger => trigger.Methods!.Select(method => $"{method.ToUpperInvariant()} /api/{Plain().Replace(trigger.Route!, "{$1}")}"));
        Assert.Equal(served.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ALibraryThatGeneratorsUse_ReadsItWithoutAnErrorOrAWarning()
    {
        await using var stream = await platform.Client(null).GetStreamAsync("api/openapi.json", Cancel);
        var read = await OpenApiDocument.LoadAsync(stream, "json", cancellationToken: Cancel);
        Assert.Empty(read.Diagnostic!.Errors.Concat(read.Diagnostic.Warnings).Select(problem => $"{problem.Pointer}: {problem.Message}"));
        Assert.True(read.Document!.Paths.Count > 50);
    }

    [Fact]
    public async Task EveryReference_LeadsToASchema_AndEveryOperationHasItsOwnId()
    {
        using var document = JsonDocument.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel));
        var references = 0;
        Walk(document.RootElement);
        Assert.True(references > 20);
        var ids = document.RootElement.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject())
            .Select(operation => operation.Value.GetProperty("operationId").GetString()).ToList();
        Assert.Equal(ids.Distinct(), ids);

        void Walk(JsonElement element)
        {
            if (element.ValueKind == JsonValueKind.Array) foreach (var item in element.EnumerateArray()) Walk(item);
            if (element.ValueKind != JsonValueKind.Object) return;
            foreach (var property in element.EnumerateObject())
            {
                if (property is { Name: "$ref", Value.ValueKind: JsonValueKind.String })
                {
                    references++;
                    var at = document.RootElement;
                    foreach (var part in property.Value.GetString()!.Split('/').Skip(1)) Assert.True(At(ref at, part), property.Value.GetString());
                }

                Walk(property.Value);
            }
        }

        static bool At(ref JsonElement at, string part)
        {
            if (at.ValueKind == JsonValueKind.Array)
            {
                return int.TryParse(part, out var index) && index < at.GetArrayLength() && (at = at[index]).ValueKind != JsonValueKind.Undefined;
            }

            return at.TryGetProperty(part, out at);
        }
    }

    /// <summary>
    /// Files are listed as they are, the dead letters of the bus have no records, and a run's own lists are
    /// parts of it: whoever asks for those is answered 409 when it is damaged.
    /// </summary>
    private static readonly string[] ListsWithoutRecords = ["FileList", "DeadLetterList", "ArtifactList", "CheckpointList"];

    [Fact]
    public void EveryListOfRecords_HasAPlaceForTheDamagedOnes()
    {
        var answers = typeof(EmbeddedHost).Assembly.GetTypes().SelectMany(type => type.GetMethods())
            .Select(method => method.GetCustomAttribute<OperationAttribute>()?.Answer).OfType<Type>().Distinct().ToList();
        var lists = answers.Where(answer => answer.Name.EndsWith("List", StringComparison.Ordinal) && !ListsWithoutRecords.Contains(answer.Name))
            .ToList();
        Assert.Contains(lists, list => list.Name == "WebhookList");
        Assert.Empty(
            answers.Where(answer => answer.IsArray).Select(answer => $"{answer.Name}: an array has no room for what is damaged; answer a …List"));
        Assert.Empty(
            lists.Where(list => list.GetProperty("Damaged")?.PropertyType != typeof(IReadOnlyList<DamagedRecord>))
                .Select(list => $"{list.Name} has no Damaged"));
    }

    /// <summary>
    /// Each operation is asked for its success; that every answer is one that was announced, with all its fields and no other, is seen to by the
    /// clients of <see cref="PlatformFixture"/>.
    /// </summary>
    [Fact]
    public async Task EveryOperation_AnswersWhatItIsSaidToAnswer()
    {
        var description = new ApiDescription(JsonElement.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel)));

        Assert.Empty(await new EveryOperation(platform).Visit(Cancel));
        var unseen =
            from operation in description.Operations
            let id = operation.Operation.GetProperty("operationId").GetString()!
            from status in operation.Operation.GetProperty("responses").EnumerateObject()
                .Select(response => (HttpStatusCode)int.Parse(response.Name, null))
            where status is HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.Accepted or HttpStatusCode.NoContent
                or HttpStatusCode.PartialContent or HttpStatusCode.NotModified or HttpStatusCode.NotImplemented
            where !(operation.Method == "HEAD" && status == HttpStatusCode.PartialContent) && !platform.Seen.ContainsKey((id, status))
            select $"{id} {(int)status}";
        Assert.Empty(unseen);
    }

    [Fact]
    public async Task EverySchemaThatIsSentOrAnswered_AndEveryError_HasAnExample_ThatFits()
    {
        var document = JsonElement.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel));
        var (description, check) = (new ApiDescription(document), new JsonSchemaCheck(document));
        var schemas = document.GetProperty("components").GetProperty("schemas");
        foreach (var name in description.Operations.SelectMany(operation => SchemasOf(operation.Operation)).Distinct())
        {
            Assert.True(schemas.GetProperty(name).TryGetProperty("examples", out var examples), $"{name} has no example");
            Assert.Empty(examples.EnumerateArray().SelectMany(example => check.Problems(example, schemas.GetProperty(name))));
        }

        foreach (var (path, method, operation) in description.Operations)
        {
            foreach (var response in operation.GetProperty("responses").EnumerateObject().Where(response => response.Name[0] is '4' or '5'))
            {
                var content = response.Value.GetProperty("content").GetProperty("application/problem+json");
                Assert.True(content.TryGetProperty("examples", out var named), $"{method} {path}: {response.Name} has no example");
                var reference = named.GetProperty("problem").GetProperty("$ref").GetString()!;
                var example = document.GetProperty("components").GetProperty("examples").GetProperty(reference.Split('/')[^1]).GetProperty("value");
                Assert.Empty(check.Problems(example, content.GetProperty("schema")));
                Assert.Equal(response.Name, $"{example.GetProperty("status")}");
            }
        }
    }

    /// <summary>What the description says of a query's parameter is what the function does: a value beyond it is refused by name, one within is not.</summary>
    [Fact]
    public async Task EveryParameterOfAQuery_TakesWhatItIsSaidToTake_AndNothingElse()
    {
        var description = new ApiDescription(JsonElement.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel)));
        var run = await platform.Submit();
        var asked = 0;
        foreach (var (path, method, operation) in description.Operations.Where(one => one.Method is "GET" && one.Operation.TryGetProperty("parameters", out _)))
        {
            var to = path["/".Length..].Replace("/{path}", "/data/none", StringComparison.Ordinal)
                .Replace("runs/{id}", $"runs/{run}", StringComparison.Ordinal);
            to = Plain().Replace(to, "1");

            // Where nothing is there, or something is needed, it is that which is said.
            if (await Refusal(to) is not null) continue;
            foreach (var parameter in operation.GetProperty("parameters").EnumerateArray().Where(one => one.GetProperty("in").GetString() == "query"))
            {
                var (name, schema) = (parameter.GetProperty("name").GetString()!, parameter.GetProperty("schema"));
                foreach (var value in Wrong(schema)) Assert.Contains($"{name}", await Refusal($"{to}?{name}={value}") ?? "taken", StringComparison.Ordinal);
                foreach (var value in Right(schema)) Assert.DoesNotContain($"{name}={value}", await Refusal($"{to}?{name}={value}") ?? "", StringComparison.Ordinal);
                asked++;
            }
        }

        Assert.True(asked > 15, $"only {asked} parameters were found");

        async Task<string?> Refusal(string question)
        {
            using var answer = await platform.Admin.GetAsync(question, HttpCompletionOption.ResponseHeadersRead, Cancel);
            return answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotFound ? await answer.Content.ReadAsStringAsync(Cancel) : null;
        }
    }

    /// <summary>What an operation takes and answers, by name.</summary>
    private static IEnumerable<string> SchemasOf(JsonElement operation) =>
        from one in operation.GetProperty("responses").EnumerateObject().Where(response => response.Name[0] == '2').Select(response => response.Value)
            .Concat(operation.TryGetProperty("requestBody", out var body) ? [body] : [])
        where one.TryGetProperty("content", out _)
        from content in one.GetProperty("content").EnumerateObject()
        where content.Value.TryGetProperty("schema", out var schema) && schema.TryGetProperty("$ref", out _)
        select content.Value.GetProperty("schema").GetProperty("$ref").GetString()!.Split('/')[^1];

    private static IEnumerable<string> Wrong(JsonElement schema)
    {
        if (schema.GetProperty("type").GetString() is "integer" or "boolean") yield return "some";
        if (schema.TryGetProperty("enum", out _) || (schema.TryGetProperty("items", out var items) && items.TryGetProperty("enum", out _))) yield return "none";
        if (schema.TryGetProperty("minimum", out var least)) yield return $"{least.GetInt64() - 1}";
        if (schema.TryGetProperty("maximum", out var most)) yield return $"{most.GetInt64() + 1}";
        if (schema.TryGetProperty("maxItems", out var many)) yield return string.Join(',', Enumerable.Repeat("x", many.GetInt32() + 1));
    }

    private static IEnumerable<string> Right(JsonElement schema)
    {
        if (schema.GetProperty("type").GetString() is "boolean") yield return "true";
        if (schema.TryGetProperty("enum", out var words)) foreach (var word in words.EnumerateArray()) yield return word.GetString()!;
        if (schema.TryGetProperty("items", out var items) && items.TryGetProperty("enum", out var names))
        {
            yield return string.Join(',', names.EnumerateArray().Select(name => name.GetString()));
        }

        if (schema.TryGetProperty("minimum", out var least)) yield return $"{least}";
        if (schema.TryGetProperty("maximum", out var most)) yield return $"{most}";
    }

    /// <summary>The check itself: an answer with a field too many or too few, of another status or type, is none that was announced.</summary>
    [Theory]
    [InlineData(200, "application/json", """{"status":"ok","version":"1"}""", null)]
    [InlineData(200, "application/json", """{"status":"ok","version":"1","more":1}""", "more is not announced")]
    [InlineData(200, "application/json", """{"status":"ok"}""", "version is missing")]
    [InlineData(200, "application/json", """{"status":"ok","version":null}""", "null is no string")]
    [InlineData(200, "application/json", """{"status":1,"version":"1"}""", "1 is no string")]
    [InlineData(200, "application/json", "[]", "[] is no object")]
    [InlineData(201, "application/json", """{"status":"ok","version":"1"}""", "the status is not announced")]
    [InlineData(200, "text/html", "ok", "the content type text/html is not announced")]
    [InlineData(200, null, "", "the content type (none) is not announced")]
    public async Task AnAnswerThatWasNotAnnounced_IsFound(int status, string? type, string body, string? problem)
    {
        var description = new ApiDescription(JsonElement.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel)));
        var health = description.Find(HttpMethod.Get, "/api/health")!.Value;
        var found = string.Join("; ", description.Problems(health, HttpMethod.Get, (HttpStatusCode)status, type, body));
        if (problem is null) Assert.Empty(found);
        else Assert.Contains(problem, found, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\{\*?(\w+)\??\}")]
    private static partial Regex Plain();
}
